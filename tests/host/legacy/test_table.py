"""Every old node as an API prompt: everything connected, only what is needed, with and without titles."""

import copy
import sys

import graphs
import pytest
from pack.nodes.legacy.rewrite import rewritten
from pack.nodes.legacy.shape import BEFORE_2024_03, INSTANTID, INSTANTX, IPADAPTER_PLUS, PULID, XLABS
from pack.nodes.legacy.table import ROWS

COUNTS = {IPADAPTER_PLUS: 37, INSTANTID: 7, BEFORE_2024_03: 7, XLABS: 3, INSTANTX: 2, PULID: 5}
EXPRESSED = sorted(name for name, row in ROWS.items() if row.becomes)
NOT = sorted(set(ROWS) - set(EXPRESSED))
FACE_FILE = {"ipadapter_file": "ip-adapter-faceid-plusv2_sd15.bin"}


@pytest.fixture(scope="module")
def classes():
    return graphs.installed()


def test_every_node_of_the_packs_has_a_row():
    for pack, count in COUNTS.items():
        assert sum(row.pack == pack for row in ROWS.values()) == count, pack


def test_how_many_are_covered(capsys):
    lines = ["", "| pack | nodes | rewritten | no counterpart |", "| --- | --- | --- | --- |"]
    for pack in COUNTS:
        rows = [row for row in ROWS.values() if row.pack == pack]
        covered = sum(row.becomes is not None for row in rows)
        lines.append(f"| {pack} | {len(rows)} | {covered} | {len(rows) - covered} |")
    with capsys.disabled():
        sys.stdout.write("\n".join(lines) + "\n")
    assert NOT == ["IPAdapterPromptScheduleFromWeightsStrategy"]


@pytest.mark.parametrize("optional", [True, False], ids=["all connected", "none connected"])
def test_an_old_node_becomes_nodes_that_the_host_takes(classes, optional):
    def fault(name, meta):
        prompt = graphs.prompt_of(name, optional)
        prompt["old"] |= meta
        before = copy.deepcopy(prompt)
        result = rewritten(prompt, ROWS, classes)
        titles = [one["_meta"] for number, one in result.prompt.items() if number == "old" and meta]
        return [
            *graphs.faults(result.prompt, classes),
            *result.kept.values(),
            *(["the given prompt was changed"] if prompt != before else []),
            *(f"its title became {title}" for title in titles if title != meta["_meta"]),
        ]

    both = ({"_meta": {"title": "mine"}}, {})
    assert not {(name, *meta): found for name in EXPRESSED for meta in both if (found := fault(name, meta))}


def test_widgets_that_are_left_out_have_the_old_defaults(classes):
    def differs(name):
        full = graphs.prompt_of(name, optional=False)
        short = copy.deepcopy(full)
        for widget in set(ROWS[name].widgets) - {
            "ipadapter_file",
            "instantid_file",
            "embeds",
            "ipadatper",
            "pulid_file",
            "ipadapter",
        }:
            short["old"]["inputs"].pop(widget, None)
        return rewritten(short, ROWS, classes).prompt != rewritten(full, ROWS, classes).prompt

    assert not list(filter(differs, EXPRESSED))


@pytest.mark.parametrize("optional", [True, False])
def test_with_a_face_adapter_the_faces_are_read(classes, optional):
    def fault(name):
        prompt = graphs.prompt_of(name, optional)
        prompt["IPAdapterModelLoader"]["inputs"] |= FACE_FILE
        made = rewritten(prompt, ROWS, classes).prompt
        main = made["old"]["inputs"]
        chosen = made[main["faces"][0]]["class_type"] if "faces" in main else "no faces"
        wrong = [] if chosen == "LikenessChooseFace" else [chosen]
        return [*graphs.faults(made, classes), *wrong, *({"image", "embeds"} & set(main))]

    steer = [name for name in EXPRESSED if {"ipadapter", "image"} <= set(ROWS[name].sockets) and "Encoder" not in name]
    assert len(steer) == 18 and not {name: found for name in steer if (found := fault(name))}


@pytest.mark.parametrize("name", NOT)
def test_what_has_no_counterpart_stays_and_says_why(classes, name):
    row = ROWS[name]
    assert len(row.reason) > 20
    result = rewritten({"1": graphs.node(name)}, ROWS, classes)
    assert result.kept == {"1": row.reason}
    assert result.prompt["1"]["class_type"] == row.thin_id


def test_nothing_is_touched_while_the_old_pack_is_installed(classes):
    prompt = graphs.prompt_of("IPAdapterAdvanced")
    old = {name: object for name, row in ROWS.items() if row.pack == IPADAPTER_PLUS}
    assert rewritten(prompt, ROWS, classes | old).prompt == prompt
