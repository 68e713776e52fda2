"""The face library from many threads at once: the bits of one thread, whatever the others look for."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch
from pack.face.cache import Cache
from pack.face.detect import Settings, find
from pack.face.embed import embed_batch
from pack.face.picture import pictures

THREADS, ROUNDS = 4, 2
# What a model might keep of a call (size, threshold, anchors of a size) is another thing in each thread.
SETTINGS = (
    Settings((320,), 0.5), Settings((256, 128), 0.3, refine=True), Settings((192, 128), 0.6, pad=False),
    Settings((320, 192), 0.99),
)  # fmt: skip


def numbers(batch):
    return [
        (face.box.tobytes(), face.keypoints.tobytes(), face.score, str(face.rung), face.embedding.tobytes())
        for entry in batch
        for face in entry.faces
    ]


@pytest.mark.parametrize("limit", [0, 3], ids=["without memory", "with a memory that is too small"])
def test_threads_with_other_settings_give_the_bits_of_one(limit, face_models, photo):
    models = replace(face_models, found=Cache(limit), embedded=Cache(limit))
    shots = []
    for name in ("obama.jpg", "biden.jpg"):
        small = torch.nn.functional.interpolate(photo(name).movedim(-1, 1), size=(300, 260)).movedim(1, -1)
        shots.append(pictures(small))
    works = [(shot, settings) for settings in SETTINGS for shot in shots]

    def look(work):
        return numbers(embed_batch(models, find(models, *work)))

    alone = [look(work) for work in works]
    assert len({tuple(each) for each in alone}) >= len(SETTINGS), "settings and pictures differ"
    meeting = threading.Barrier(THREADS)

    def thread(start):
        found = {}
        for i in range(ROUNDS * len(works)):
            place = (start * 2 + i) % len(works)
            meeting.wait(120)  # all begin a piece of work at the same time
            found.setdefault(place, []).append(look(works[place]))
        return found

    with ThreadPoolExecutor(THREADS) as pool:
        together = list(pool.map(thread, range(THREADS)))
    for found in together:
        assert all(result == alone[place] for place, results in found.items() for result in results)
