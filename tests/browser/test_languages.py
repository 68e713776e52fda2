"""English and Chinese: labels, categories, help pages, each read off the page."""

import json
import re
from pathlib import Path

import pytest

from .frontend import PICTURES_ARE_ASKED_FOR

ROOT = Path(__file__).resolve().parents[2]
HELPED = ("LikenessApplyInstantID", "LikenessRenderKeypoints")  # all, where pictures are asked for
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def words(language, file):
    return json.loads((ROOT / "locales" / language / f"{file}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_nodes_have_the_labels_of_the_language(language, frontend, our_nodes):
    for kind, node in our_nodes.items():
        title, wanted = said(language, kind, node)
        frontend.clear()
        seen = labels(frontend, frontend.add(kind))
        assert seen.pop("") == title
        for socket in [name for name in seen if name.partition(".")[0] in wanted.keys() - {name}]:
            del seen[socket]  # of an input that grows: only the input has a label
        assert {name: wanted[name] for name in seen} == seen, kind
    frontend.picture(f"one node, {language}")


def said(language, kind, node):
    """Title and labels that a node has to show: its own, or those of the locale."""
    if language == "en":
        fields = {**node["input"].get("required", {}), **node["input"].get("optional", {})}
        return node["display_name"], {name: field[-1].get("display_name") or name for name, field in fields.items()}
    found = words(language, "nodeDefs")[kind]
    return found["display_name"], {name: entry["name"] for name, entry in found["inputs"].items()}


def labels(frontend, node):
    """Title (under '') and label of every input and widget that the page shows."""
    return frontend.page.evaluate(
        """id => {
            const node = app.graph.getNodeById(id), labels = { '': node.title }
            for (const input of node.inputs) labels[input.name] = input.label ?? input.localized_name ?? input.name
            for (const widget of node.widgets ?? [])
                if (labels[widget.name] !== undefined && widget.label) labels[widget.name] = widget.label
            return labels
        }""",
        node,
    )


@pytest.mark.parametrize("language", ["en", "zh"])
def test_help_opens(language, frontend, our_nodes):
    for kind in our_nodes if PICTURES_ARE_ASKED_FOR else HELPED:
        title, _ = said(language, kind, our_nodes[kind])
        frontend.clear()
        panel = frontend.help(frontend.add(kind, (400, 300)))
        panel.locator("h1", has_text=title).wait_for()
        assert not broken_pictures(panel), kind
        assert all(picture.bounding_box()["width"] <= panel.bounding_box()["width"] for picture in pictures(panel)), (
            kind
        )
        assert language != "zh" or CHINESE.search(panel.inner_text())
        frontend.picture(f"help {kind}, {language}")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_help_of_every_node_is_where_the_page_looks(language, api, our_nodes):
    for kind, node in our_nodes.items():
        pack = node["python_module"].removeprefix("custom_nodes.")
        place = f"{kind}/zh" if language == "zh" else kind
        help_text = api.get(f"/extensions/{pack}/docs/{place}.md").decode()
        title, _ = said(language, kind, node)
        assert f"# {title}" in help_text.splitlines()


def pictures(panel):
    """Those of a help page that are shown."""
    return [picture for picture in panel.locator("img").all() if picture.is_visible()]


def broken_pictures(panel):
    """Addresses of pictures in the help that did not arrive."""
    return panel.locator("img").evaluate_all(
        """async pictures => {
            await Promise.allSettled(pictures.map(picture => picture.decode()))
            return pictures.filter(picture => !picture.naturalWidth).map(picture => picture.src)
        }"""
    )


@pytest.mark.parametrize("language", ["zh"])
def test_search_and_library_speak_chinese(language, frontend, page):
    name = words("zh", "nodeDefs")["LikenessApplyIPAdapter"]["display_name"]
    frontend.search(name, name)
    frontend.picture("search, zh")
    page.keyboard.press("Escape")
