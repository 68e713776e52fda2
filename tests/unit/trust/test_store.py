"""The tensors of a run, asked for by several threads: each counts once, and all threads get the same one."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from pack.attention.sampling.store import Store

SIZE = 10


@pytest.mark.parametrize("count", [2, 8])
def test_what_threads_make_at_once_is_counted_once(count):
    meeting = threading.Barrier(count)
    store = Store(2 * SIZE)

    def make():
        meeting.wait(20)  # nobody has stored it before everybody has begun to make it
        return object()

    with ThreadPoolExecutor(count) as pool:
        found = list(pool.map(lambda _: store.get("a", make, lambda _: SIZE), range(count)))
    assert len(set(map(id, found))) == 1
    first = store.get("b", object, lambda _: SIZE)
    assert store.get("b", object, lambda _: SIZE) is first, "there was room for a second one"
    third = store.get("c", object, lambda _: SIZE)
    assert store.get("c", object, lambda _: SIZE) is not third
