import threading

import pytest
import torch
from pack.attention.cache import Cache, digest


def test_a_result_is_made_once():
    made = []
    cache = Cache(100, size_of=len)
    results = [cache.get("key", lambda: made.append(1) or "result") for _ in range(3)]
    assert results == ["result"] * 3
    assert len(made) == 1


def test_the_least_recently_used_goes_first():
    cache = Cache(10, size_of=len)
    for key in "ab":
        cache.get(key, lambda: "12345")
    cache.get("a", lambda: "again")
    cache.get("c", lambda: "12345")
    assert cache.used == 10 and len(cache) == 2
    assert cache.get("a", lambda: "new") == "12345"
    assert cache.get("b", lambda: "new") == "new"


def test_a_result_over_the_budget_is_not_kept():
    cache = Cache(3, size_of=len)
    assert cache.get("key", lambda: "12345") == "12345"
    assert len(cache) == 0


def test_what_was_forgotten_takes_no_room():
    cache = Cache(10, size_of=len)
    for _ in range(3):  # as often as a model is sampled
        assert cache.get("key", lambda: "12345678") == "12345678" and cache.used == 8
        cache.clear()
        assert cache.used == len(cache) == 0


def test_a_failure_leaves_nothing():
    cache = Cache(10, size_of=len)
    with pytest.raises(RuntimeError):
        cache.get("key", lambda: (_ for _ in ()).throw(RuntimeError("interrupted")))
    assert cache.get("key", lambda: "fine") == "fine"


def test_threads_share_one_result():
    cache = Cache(100, size_of=lambda result: 1)
    results = []
    threads = [threading.Thread(target=lambda: results.append(cache.get("key", object))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, results))) == 1


def test_digests_tell_contents_shapes_and_types():
    zeros = torch.zeros(2, 3)
    others = [torch.ones(2, 3), torch.zeros(3, 2), zeros.half(), zeros.bfloat16(), torch.zeros(2, 3, dtype=torch.int32)]
    assert digest(zeros) == digest(torch.zeros(2, 3))
    assert digest(zeros[:, ::2]) == digest(torch.zeros(2, 2))
    assert len({digest(t) for t in (zeros, *others)}) == 6


def test_what_is_missing_is_made_together_and_equal_keys_once():
    cache, asked = Cache(100, size_of=len), []

    def make(places):
        asked.append(tuple(places))
        return [f"made at {place}" for place in places]

    cache.get("b", lambda: "kept")
    assert cache.get_all("abac", make) == ["made at 0", "kept", "made at 0", "made at 3"]
    assert cache.get_all("cba", make) == ["made at 3", "kept", "made at 0"]
    assert asked == [(0, 3)]


def test_a_batch_over_the_budget_is_returned_whole():
    cache = Cache(6, size_of=len)
    assert cache.get_all("abc", lambda places: ["12345"] * len(places)) == ["12345"] * 3
    assert len(cache) == 1
