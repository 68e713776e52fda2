import threading

import pytest
import torch
from pack.attention.cache import Memo, digest


def test_a_result_is_made_once():
    made = []
    memo = Memo(100, size_of=len)
    results = [memo.get("key", lambda: made.append(1) or "result") for _ in range(3)]
    assert results == ["result"] * 3
    assert len(made) == 1


def test_the_least_recently_used_goes_first():
    memo = Memo(10, size_of=len)
    for key in "ab":
        memo.get(key, lambda: "12345")
    memo.get("a", lambda: "again")
    memo.get("c", lambda: "12345")
    assert memo.get("a", lambda: "new") == "12345"
    assert memo.get("b", lambda: "new") == "new"


def test_a_result_over_the_budget_is_not_kept():
    memo = Memo(3, size_of=len)
    assert memo.get("key", lambda: "12345") == "12345"
    assert len(memo) == 0


def test_a_failure_leaves_nothing():
    memo = Memo(10, size_of=len)
    with pytest.raises(RuntimeError):
        memo.get("key", lambda: (_ for _ in ()).throw(RuntimeError("interrupted")))
    assert memo.get("key", lambda: "fine") == "fine"


def test_threads_share_one_result():
    memo = Memo(100, size_of=lambda result: 1)
    results = []
    threads = [threading.Thread(target=lambda: results.append(memo.get("key", object))) for _ in range(8)]
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
    memo, asked = Memo(100, size_of=len), []

    def make(places):
        asked.append(tuple(places))
        return [f"made at {place}" for place in places]

    memo.get("b", lambda: "kept")
    assert memo.get_all("abac", make) == ["made at 0", "kept", "made at 0", "made at 3"]
    assert memo.get_all("cba", make) == ["made at 3", "kept", "made at 0"]
    assert asked == [(0, 3)]


def test_a_batch_over_the_budget_is_returned_whole():
    memo = Memo(6, size_of=len)
    assert memo.get_all("abc", lambda places: ["12345"] * len(places)) == ["12345"] * 3
    assert len(memo) == 1
