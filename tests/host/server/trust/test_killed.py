"""A real server that is killed while Save Embeds writes: what was saved before is whole, and nothing half is listed."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest
import torch
from pack.attention.reference.embeds import Embeds
from pack.attention.reference.embeds_file import SUFFIX, load, save
from serving.api import Api
from serving.fixtures import ROOT, node
from serving.patience import PATIENCE

COUNT = 40_000  # 512 numbers each: 82 MB, which take long enough to be killed in the middle of
BYTES = COUNT * 512 * 4
KILLS = int(os.environ.get("LIKENESS_KILLS", "1"))  # a start of the server each, at other moments of the writing


@pytest.fixture
def base(tmp_path):
    from runner.links import link_folder

    (tmp_path / "custom_nodes").mkdir()
    link_folder(ROOT, tmp_path / "custom_nodes" / "comfyui-likeness")
    (tmp_path / "input").mkdir()
    save(tmp_path / "input" / f"many{SUFFIX}", Embeds(face=torch.arange(512 * COUNT).float().reshape(COUNT, 512)))
    save(tmp_path / "input" / f"one{SUFFIX}", Embeds(face=torch.ones(1, 512)))
    return tmp_path


def serving(base):
    import comfy.options

    from runner.comfyui import Host
    from runner.server import Server

    host = Host(Path(comfy.options.__file__).parents[1], Path(sys.executable), is_private=False)
    return Server(host, base, base / "server.log")


def saving(name):
    return {
        "load": node("LikenessLoadEmbeds", file=f"{name}{SUFFIX}"),
        "save": node("LikenessSaveEmbeds", embeds=["load", 0], filename_prefix="kept/a"),
    }


def killed_at(server, folder, size):
    """Kill the server once the file that it is writing has more than `size` bytes; how many it had."""
    deadline = time.monotonic() + PATIENCE  # without a pause: half a file is there for a moment only
    while time.monotonic() < deadline:
        for part in folder.glob(".*.part"):
            try:
                there = part.stat().st_size
            except FileNotFoundError:
                continue
            if there > size or not size:
                os.killpg(server._process.pid, signal.SIGKILL)
                server._process.wait()
                return there
    pytest.fail(f"nothing was written:\n{server.tail()}")


@pytest.mark.skipif(sys.platform == "win32", reason="kills by a signal")
def test_a_server_killed_while_it_saves_leaves_every_file_whole(base):
    folder = base / "output" / "kept"
    for number in range(1, KILLS + 1):
        with serving(base) as server:
            api = Api(server)
            assert api.run(saving("one")).succeeded
            before = {path.name: path.read_bytes() for path in folder.glob(f"*{SUFFIX}")}
            assert len(before) >= number
            api.post("/prompt", {"prompt": saving("many")})
            killed_at(server, folder, number * BYTES // (KILLS + 1))
        left = {path.name: path for path in folder.glob(f"*{SUFFIX}")}
        assert all(left[name].read_bytes() == content for name, content in before.items())
        for name in left.keys() - before.keys():  # put in place in the same moment: then it is whole
            assert load(left[name]).embeds.count == COUNT
    save(folder / f"after{SUFFIX}", Embeds(face=torch.ones(1, 512)))
    assert load(folder / f"after{SUFFIX}").embeds.count == 1, "what was left half written is in nobody's way"
