"""The memory of results is bounded and may be shared by threads."""

from concurrent.futures import ThreadPoolExecutor

from pack.face.memo import Memo


def test_a_result_is_made_once():
    made = []
    memo = Memo(2)
    assert [memo.get("a", lambda: made.append(1) or len(made)) for _ in range(3)] == [1, 1, 1]


def test_the_least_used_result_goes_first():
    memo = Memo(2)
    memo.get("a", lambda: 1)
    memo.get("b", lambda: 2)
    memo.get("a", lambda: 0)
    memo.get("c", lambda: 3)
    assert len(memo) == 2
    assert memo.get("a", lambda: "new") == 1
    assert memo.get("b", lambda: "new") == "new"


def test_an_error_is_not_kept():
    memo = Memo(2)

    def fail():
        raise ValueError("no")

    for _ in range(2):
        try:
            memo.get("a", fail)
        except ValueError:
            continue
    assert memo.get("a", lambda: 5) == 5


def test_threads_may_share_it():
    memo = Memo(8)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda i: memo.get(i % 16, lambda: i % 16), range(2000)))
    assert results == [i % 16 for i in range(2000)]
    assert len(memo) <= 8
