"""What the editors on the page are given is what the nodes compute."""

import asyncio
import json

import pytest
from aiohttp import ClientSession, web
from pack.attention.models.families import FAMILIES
from pack.attention.weights.curves import CURVES, schedule_of
from pack.attention.weights.layer_presets import LAYER_PRESETS, preset, presets_of
from pack.nodes.page import editor_routes
from pack.nodes.page.editor_tables import tables


@pytest.mark.parametrize(("family", "name"), [(family, name) for family in FAMILIES for name in presets_of(family)])
def test_every_layer_preset_is_a_straight_line_of_boost(family, name):
    row, wanted = tables()["layer_presets"][name][family], preset(name, family, 0.37)
    factors = [low + 0.37 * (high - low) for low, high in zip(row["at_0"], row["at_1"], strict=True)]
    assert factors == pytest.approx(wanted.factors) and set(row["swapped"]) == wanted.swapped
    assert len(tables()["families"][family]["blocks"]) == len(wanted.factors)


def test_a_preset_is_given_for_the_families_that_it_has_a_meaning_for():
    rows = tables()["layer_presets"]
    assert set(rows) == set(LAYER_PRESETS)
    assert {family for family in FAMILIES if family in rows["style"]} == {"sd15", "sdxl", "vega"}
    assert set(rows["linear"]) == set(FAMILIES)


@pytest.mark.parametrize("name", CURVES)
def test_every_curve_has_the_corners_of_its_schedule(name):
    rows, wanted = tables()["curves"][name], schedule_of(name, 0.8, -0.3)
    points = [(percent, envelope * (0.8 - 1.1 * way)) for percent, envelope, way in rows]
    assert points == [pytest.approx(point) for point in wanted.points]


async def ask(path, **query):
    app, routes = web.Application(), web.RouteTableDef()
    editor_routes.add_routes(routes)
    app.add_routes(routes)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}{path}"
        async with ClientSession() as session, session.get(url, params=query) as answer:
            return answer.status, await answer.text()
    finally:
        await runner.cleanup()


def read(**query):
    return asyncio.run(ask(editor_routes.READ, **query))


def test_the_tables_are_given_as_json():
    status, text = asyncio.run(ask(editor_routes.TABLES))
    assert status == 200 and json.loads(text) == json.loads(json.dumps(tables()))


def test_texts_are_read_as_the_nodes_read_them():
    status, text = read(kind="layers", family="sdxl", text='{"up": {"block_0": [0, 1, 0]}}')
    assert (status, json.loads(text)) == (200, {"factors": [0.0] * 6 + [1.0] + [0.0] * 4, "swapped": []})
    status, text = read(kind="points", text="0:1, 1:0")
    assert (status, json.loads(text)) == (200, {"points": [[0, 1], [1, 0]]})
    status, text = read(kind="keypoints", text='{"width": 8, "height": 8, "faces": []}')
    assert (status, json.loads(text)) == (200, {"width": 8, "height": 8, "faces": []})


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ({"kind": "layers", "family": "sdxl", "text": "99:1"}, "is not a layer weight"),
        ({"kind": "points", "text": "2:1"}, "is not a point"),
        ({"kind": "keypoints", "text": "{"}, "not JSON"),
        ({"kind": "layers", "family": "sd3", "text": "0:1"}, "no text of kind 'layers' for 'sd3'"),
        ({}, "no text of kind ''"),
    ],
)
def test_what_cannot_be_read_is_answered_with_the_reason(query, reason):
    status, text = read(**query)
    assert status == 200 and reason in json.loads(text)["wrong"]
