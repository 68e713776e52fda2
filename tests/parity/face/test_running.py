"""Threads, repeats and long runs."""

import gc
import os
import shutil
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil
import pytest
from pack.face.detect import Settings, find
from pack.face.embed import embed_batch
from pack.face.models import FaceModels, load

PICTURES = int(os.environ.get("LIKENESS_PICTURES", "120"))


def fresh(models):
    """The same sessions with nothing remembered."""
    return FaceModels(models.pack, models.running, models.notes, models.detector, models.recogniser)


def run(models, picture):
    (entry,) = embed_batch(models, find(models, picture, Settings(refine=True)))
    return b"".join(face.box.tobytes() + face.keypoints.tobytes() + face.embedding.tobytes() for face in entry.faces)


def test_four_threads_give_the_bits_of_one(models, as_picture, photo):
    batches = [as_picture(photo(name)) for name in ("obama.jpg", "biden.jpg", "players.jpg", "yaoming.jpg")]
    alone = [run(fresh(models), batch) for batch in batches]
    assert all(alone)
    with ThreadPoolExecutor(4) as pool:
        shared = fresh(models)
        together = list(pool.map(lambda i: run(shared if i < 8 else fresh(models), batches[i % 4]), range(16)))
    assert together == alone * 4


def test_another_session_gives_the_same_bits(pack_folder, models, as_picture, photo, tmp_path):
    for file in pack_folder.glob("*.onnx"):
        shutil.copy(file, tmp_path)
    other = load(tmp_path, "CPU")
    assert run(other, as_picture(photo("obama2.jpg"))) == run(fresh(models), as_picture(photo("obama2.jpg")))


def test_memory_stays_flat_over_many_pictures(models, as_picture, photo):
    small = photo("obama.jpg")[60:480, 300:680][::4, ::4]
    process = psutil.Process()
    used, found = [], 0
    current = fresh(models)
    for i in range(PICTURES):
        pixels = small.copy()
        pixels[0, 0] = (i % 256, i // 256, 7)  # another picture each time, so that nothing comes from memory
        settings = Settings(sizes=(256,), refine=i % 20 == 0)
        (entry,) = embed_batch(current, find(current, as_picture(pixels), settings))
        found += len(entry.faces)
        if i in (PICTURES // 4, PICTURES - 1):
            used.append(process.memory_info().rss)
    assert found == PICTURES
    assert used[1] - used[0] < 16 * 2**20, f"{(used[1] - used[0]) / 2**20:.0f} MB more"


def test_a_session_ends_with_the_last_who_holds_it(pack_folder, tmp_path):
    shutil.copy(pack_folder / "scrfd_500m_bnkps.onnx", tmp_path)
    first = load(tmp_path, "CPU")
    detector = weakref.ref(first.detector)
    del first
    gc.collect()
    assert detector() is None


def test_stopping_between_pictures(models, as_picture, photo):
    picture = as_picture(photo("yaoming.jpg"))

    class Stop(Exception):
        pass

    def stop(done, of):
        if done == 2:
            raise Stop

    with pytest.raises(Stop):
        find(fresh(models), picture * 5, tick=stop)
    assert np.isfinite(find(models, picture)[0].faces[0].box).all()
