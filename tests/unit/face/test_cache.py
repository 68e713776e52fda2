"""The memory of results is bounded and may be shared by threads."""

from concurrent.futures import ThreadPoolExecutor

from pack.face.cache import Cache


def test_a_result_is_made_once():
    made = []
    cache = Cache(2)
    assert [cache.get("a", lambda: made.append(1) or len(made)) for _ in range(3)] == [1, 1, 1]


def test_the_least_used_result_goes_first():
    cache = Cache(2)
    cache.get("a", lambda: 1)
    cache.get("b", lambda: 2)
    cache.get("a", lambda: 0)
    cache.get("c", lambda: 3)
    assert len(cache) == 2
    assert cache.get("a", lambda: "new") == 1
    assert cache.get("b", lambda: "new") == "new"


def test_an_error_is_not_kept():
    cache = Cache(2)

    def fail():
        raise ValueError("no")

    for _ in range(2):
        try:
            cache.get("a", fail)
        except ValueError:
            continue
    assert cache.get("a", lambda: 5) == 5


def test_threads_may_share_it():
    cache = Cache(8)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda i: cache.get(i % 16, lambda: i % 16), range(2000)))
    assert results == [i % 16 for i in range(2000)]
    assert len(cache) <= 8
