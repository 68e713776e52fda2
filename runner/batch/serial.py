"""A batch without an engine: blocks of jobs on one ComfyUI, or each on the next free one of several."""

import json
import queue
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from ..problems import Problem, say
from .course import Course
from .draw import Drawer
from .hosts import Gone
from .jobs import Job
from .key import hash_of, row_of
from .result import Result
from .store import Store
from .talk import Lost

Block = Sequence[Job]


def draw_all(work: Iterable[Block], drawers: Sequence[Drawer], store: Store, course: Course) -> None:
    """Draw all blocks, and write their results part by part.

    A host that is lost for good leaves its blocks to the others. Raises Problem when none is left, when there is no room,
    or when there are too many errors.
    """
    waiting: queue.SimpleQueue[Block] = queue.SimpleQueue()
    for block in work:
        waiting.put(block)
    if len(drawers) == 1:  # in this thread: Linux ends our host with the thread that started it
        return _drain(drawers[0], waiting, store, course)
    problems = _side_by_side(drawers, waiting, store, course)
    if problems and course.done < course.rows:
        raise problems[-1]
    return None


def _side_by_side(
    drawers: Sequence[Drawer], waiting: "queue.SimpleQueue[Block]", store: Store, course: Course
) -> list[Problem]:
    """What each host that is lost for good ended with; anything else that goes wrong ends them all."""
    lost = list[Problem]()
    with ThreadPoolExecutor(len(drawers)) as pool:
        ends = [pool.submit(_drain, drawer, waiting, store, course) for drawer in drawers]
        try:
            for end in as_completed(ends):
                try:
                    end.result()
                except Gone as problem:
                    say(str(problem))
                    lost.append(problem)
        except BaseException:
            while not waiting.empty():  # so that the others end after the block they are at
                waiting.get_nowait()
            raise
    return lost


def _drain(drawer: Drawer, waiting: "queue.SimpleQueue[Block]", store: Store, course: Course) -> None:
    try:
        drawer.start()
        while True:
            try:
                block = waiting.get_nowait()
            except queue.Empty:
                return
            _draw_block(drawer, block, waiting, store, course)
    finally:
        drawer.host.stop()


def _draw_block(
    drawer: Drawer, block: Block, waiting: "queue.SimpleQueue[Block]", store: Store, course: Course
) -> None:
    results = list[Result]()
    try:
        for job in block:
            results.append(drawn(drawer, job))
            course.result(job.id, results[-1].error)
    except Gone:
        waiting.put(block[len(results) :])
        raise
    finally:
        if results:
            store.put(f"results/{_name(block)}.jsonl", lines_of(results))


def drawn(drawer: Drawer, job: Job) -> Result:
    """The result of a job, with the host renewed as often as it goes down."""
    while True:
        try:
            return drawer.draw(job)
        except Lost as lost:
            say(f"{lost} Starting again.")
            drawer.renew()


def lines_of(results: Sequence[Result]) -> bytes:
    """Results as JSONL."""
    return "".join(json.dumps(result.line(), ensure_ascii=False) + "\n" for result in results).encode()


def _name(block: Block) -> str:
    return hash_of("".join(map(row_of, block)).encode())
