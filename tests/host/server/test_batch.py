"""A batch on a real ComfyUI draws what the plain client draws, and encodes each reference once."""

import io
import json
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from runner import cli
from runner.batch import draw as drawing
from runner.batch.report import report_of
from runner.batch.store import Folder

SHARES = count(40)  # of a pattern, in a hundred: no test draws what the host has drawn for another
ROWS = [("red", 1), ("blue", 1), ("red", 2), ("blue", 2)]


@pytest.fixture
def batch(server, prompt, tmp_path, monkeypatch):
    """() -> exit status, the results by id, and which nodes each prompt found in the host's cache."""
    graph = prompt()
    (tmp_path / "prompt.json").write_text(json.dumps(graph))
    share = next(SHARES) / 100
    for colour in ("red", "blue"):
        pattern = Image.radial_gradient("L").convert("RGB").resize((80, 96))
        wall = Image.blend(Image.new("RGB", (80, 96), colour), pattern, share)
        wall.save(tmp_path / f"{colour}.png")
    lines = ["id,photo,sampler.seed", *(f"{colour} {seed},{colour}.png,{seed}" for colour, seed in ROWS)]
    (tmp_path / "rows.csv").write_text("\n".join(lines))
    monkeypatch.setattr(cli.signal, "signal", lambda *_: None)
    cached, finished = [], drawing.Drawer._finished

    def watched(self, number):
        entry = finished(self, number)
        cached.append(set(dict(entry["status"]["messages"])["execution_cached"]["nodes"]))
        return entry

    monkeypatch.setattr(drawing.Drawer, "_finished", watched)

    def ran():
        cached.clear()
        places = [
            word for name in ("prompt.json", "rows.csv") for word in (f"--{Path(name).stem}", str(tmp_path / name))
        ]
        places[places.index("--rows")] = "--manifest"
        status = cli.main(["batch", *places, "--address", server.url, "--out", str(tmp_path / "out")])
        return status, report_of(Folder(str(tmp_path / "out"))).lines, list(cached)

    ran.graph = graph
    return ran


def pixels(content):
    return np.asarray(Image.open(io.BytesIO(content)))


def test_pictures_are_the_plain_clients_and_each_reference_is_encoded_once(batch, server, api, tmp_path):
    status, lines, cached = batch()
    assert status == 0 and set(lines) == {f"{colour} {seed}" for colour, seed in ROWS}
    assert ["reference" in nodes for nodes in cached] == [False, True, False, True]
    for colour, seed in ROWS:
        (server.base / "input" / f"{colour}.png").write_bytes((tmp_path / f"{colour}.png").read_bytes())
        batch.graph["photo"]["inputs"]["image"] = f"{colour}.png"
        batch.graph["sampler"]["inputs"]["seed"] = seed
        plain = pixels(api.run(batch.graph).picture())
        (name,) = lines[f"{colour} {seed}"]["pictures"]
        np.testing.assert_array_equal(pixels((tmp_path / "out" / name).read_bytes()), plain)
    assert len({line["pictures"][0] for line in lines.values()}) == 4
    assert batch()[2] == [], "nothing is drawn again"


def test_a_row_that_the_host_cannot_draw_is_an_error_with_the_nodes_words(batch, tmp_path):
    (tmp_path / "red.png").write_bytes(b"no picture")
    status, lines, _ = batch()
    assert status == 3 and [name for name, line in lines.items() if not line["error"]] == ["blue 1", "blue 2"]
    assert "photo: cannot identify image file" in lines["red 1"]["error"]
