"""Every node has its words: tooltips, help in English and Chinese, complete locales without leftovers."""

import json
import re
import unicodedata
from collections import Counter
from pathlib import Path

import old_nodes
import pytest
from schemas import READMES, ROOT, TABLE, as_json, english, files_table, schemas

DOCS = ROOT / "web" / "docs"
CHINESE = re.compile(r"[\u4e00-\u9fff]")
FIGURE = re.compile(r"^```\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PANEL = 36  # columns of the help beside a window of 1920 pixels
WRITE = "run `python tests/unit/words/schemas.py` with the environment's Python"


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def locale(language, name):
    return json.loads(read(f"locales/{language}/{name}.json"))


@pytest.fixture(scope="module")
def nodes():
    pytest.importorskip("comfy_api.latest")
    return schemas()


def test_every_node_input_and_output_says_what_it_is(nodes):
    silent = [
        f"{name}.{part.id}"
        for name, schema in nodes.items()
        for part in (*schema.inputs, *schema.outputs)
        if not part.tooltip
    ]
    assert not silent
    assert all(schema.description and schema.search_aliases for schema in nodes.values())


def test_writing_the_chinese_words_anew_changes_none_of_their_form():
    assert as_json(locale("zh", "nodeDefs")) == read("locales/zh/nodeDefs.json")


def test_english_is_the_nodes_own_words_and_nothing_beside_them():
    assert not (ROOT / "locales" / "en" / "nodeDefs.json").exists(), "the page shows the schemas"


def test_the_chinese_locale_has_every_word_and_no_leftover(nodes):
    chinese, wanted = locale("zh", "nodeDefs"), english()
    assert set(chinese) == set(wanted)
    for name, words in wanted.items():
        for part in ("inputs", "outputs"):
            assert set(chinese[name][part]) == set(words[part]), (name, part)


def test_the_chinese_locale_is_chinese(nodes):
    for name, words in locale("zh", "nodeDefs").items():
        entries = [*words["inputs"].values(), *words["outputs"].values()]
        sentences = [words["display_name"], words["description"], *(entry["tooltip"] for entry in entries)]
        assert all(CHINESE.search(sentence) for sentence in sentences), name
        assert all(entry["name"] for entry in entries), name


def test_every_node_is_found_by_chinese_words(shown):
    """What a person types for the three jobs that are asked for most, and words for every other node."""
    words = {name: locale("zh", "nodeDefs")[name]["search_aliases"] for name in shown}
    assert all(CHINESE.search(word) for found in words.values() for word in found)
    assert {"\u6362\u8138", "\u8096\u50cf"} <= set(words["LikenessApplyInstantID"])  # swap a face, portrait
    assert "\u98ce\u683c\u8fc1\u79fb" in words["LikenessApplyIPAdapter"]  # style transfer
    assert "\u59ff\u52bf" in words["LikenessRenderKeypoints"]  # pose


def test_nodes_lie_in_folders_by_what_they_are_for(shown):
    """Thirty in one list are too many to look through."""
    folders = {name: schema.category for name, schema in shown.items()}
    assert all(folder.count("/") == 1 and folder.startswith("likeness/") for folder in folders.values()), folders
    assert max(Counter(folders.values()).values()) <= 15


@pytest.mark.parametrize("language", ["en", "zh"])
def test_categories_and_wires_are_named(nodes, language):
    words = locale(language, "main")
    parts = [part for schema in nodes.values() for part in (*schema.inputs, *schema.outputs)]
    categories = {part for schema in nodes.values() for part in schema.category.split("/")}
    assert set(words["nodeCategories"]) == categories
    assert set(words["dataTypes"]) == {t for part in parts if (t := part.get_io_type()).startswith("LIKENESS_")}


def test_the_folder_of_templates_is_named():
    """The page shows them under the name of the pack's folder, which ComfyUI Manager takes from the registry."""
    (registered,) = re.findall(r'^name = "(.+)"$', read("pyproject.toml"), re.MULTILINE)
    named = {language: locale(language, "main")["templateWorkflows"]["category"] for language in ("en", "zh")}
    assert all(set(names) == {registered} for names in named.values())
    assert CHINESE.search(named["zh"][registered])


def settings_of_the_page():
    """The ids of the settings that our modules register."""
    block = re.compile(r"settings:\s*\[(.*?)\n\s*\]", re.DOTALL)
    for module in (ROOT / "web").rglob("*.js"):
        for found in block.findall(module.read_text(encoding="utf-8")):
            yield from re.findall(r"\bid:\s*['\"]([^'\"]+)['\"]", found)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_settings_are_named(language):
    wanted = {name.replace(".", "_") for name in settings_of_the_page()}
    path = ROOT / "locales" / language / "settings.json"
    named = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    assert set(named) == wanted
    assert all(entry["name"] and (language != "zh" or CHINESE.search(entry["name"])) for entry in named.values())


@pytest.fixture(scope="module")
def shown(nodes):
    """The nodes that one finds; those in the shape of old ones have a table in docs/ for help."""
    return {name: schema for name, schema in nodes.items() if not old_nodes.is_old(name)}


def test_every_node_has_help_in_both_languages_and_no_page_is_left_over(shown):
    assert {path.stem for path in DOCS.glob("*.md")} == set(shown)
    assert {path.parent.name for path in DOCS.glob("*/zh.md")} == set(shown)


def test_the_words_of_old_nodes_are_those_of_their_table(nodes):
    words, chinese = english(), locale("zh", "nodeDefs")
    for name in filter(old_nodes.is_old, nodes):
        assert chinese[name] == old_nodes.chinese(nodes[name], words[name]), WRITE


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_on_old_nodes_names_every_one(language):
    from pack.nodes.legacy.table import ROWS

    page = old_nodes.PAGES[language].read_text(encoding="utf-8")
    assert page == old_nodes.filled(page, language), WRITE
    assert all(f"| `{name}` |" in page for name in ROWS)


def test_help_names_every_input_and_output(shown):
    for name, schema in shown.items():
        for page in (f"{name}.md", f"{name}/zh.md"):
            text = (DOCS / page).read_text(encoding="utf-8")
            ids = [part.id for part in (*schema.inputs, *schema.outputs) if not part.id.startswith("_")]
            assert not [part for part in ids if f"`{part}`" not in text], page


def test_help_shows_a_figure_that_its_panel_has_room_for(shown):
    """A narrow panel beside the canvas: wider figures would have to be scrolled."""
    for name in shown:
        for page in (f"{name}.md", f"{name}/zh.md"):
            text = (DOCS / page).read_text(encoding="utf-8")
            figures = FIGURE.findall(text)
            assert figures or "![" in text, page
            assert not [line for figure in figures for line in figure.splitlines() if columns(line) > PANEL], page


def test_pictures_of_help_are_there_and_none_is_left_over(shown):
    """Those that tests/thumbnails draws, in both languages, and before them what goes wrong most often."""
    pictures = {path.stem for path in (DOCS / "figures").glob("*.jpg")}
    for name in shown:
        for page in (f"{name}.md", f"{name}/zh.md"):
            text = (DOCS / page).read_text(encoding="utf-8")
            assert re.findall(r"!\[[^\]]+\]\(figures/(\w+)\.jpg\)", text) == [name] * (name in pictures), page
    mistakes = {"en": "## Common mistakes", "zh": "## \u5e38\u89c1\u9519\u8bef"}
    for name in shown:
        for language, page in (("en", f"{name}.md"), ("zh", f"{name}/zh.md")):
            heads = [line for line in (DOCS / page).read_text(encoding="utf-8").splitlines() if line.startswith("## ")]
            assert heads[0] == mistakes[language], page


@pytest.mark.parametrize(
    ("page", "weak", "burned"),
    [
        ("LikenessApplyInstantID.md", "It does not look like the person", "Burned or too contrasty pictures"),
        (
            "LikenessApplyInstantID/zh.md",
            "\u4e0d\u50cf\u672c\u4eba",
            "\u989c\u8272\u8fc7\u66dd\u6216\u5bf9\u6bd4\u8fc7\u5f3a",
        ),
    ],
)
def test_help_of_instantid_answers_what_people_ask_first(page, weak, burned):
    """Step by step: every input that has a part in it is named."""
    sections = dict(
        re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    )
    named = {"weight", "strength", "recipe", "fusion", "layer_preset", "noise", "start_percent", "identitynet_start"}
    assert named <= set(re.findall(r"`(\w+)`", sections[weak])) and sections[weak].count("\n1. ") == 1
    assert {"weight", "strength", "end_percent"} <= set(re.findall(r"`(\w+)`", sections[burned]))


def columns(line):
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in line)


def test_help_has_the_title_and_labels_that_the_page_shows(shown):
    for name, words in locale("zh", "nodeDefs").items():
        if name not in shown:
            continue
        assert (DOCS / f"{name}.md").read_text(encoding="utf-8").startswith(f"# {shown[name].display_name}\n")
        text = (DOCS / name / "zh.md").read_text(encoding="utf-8")
        assert text.startswith(f"# {words['display_name']}\n")
        assert not [entry["name"] for entry in words["inputs"].values() if entry["name"] not in text], name


def test_quoted_chinese_node_names_are_those_on_the_page(nodes):
    """Help puts the names of nodes into curly quotes: one that starts like one of ours must be one of ours."""
    ours = {words["display_name"] for words in locale("zh", "nodeDefs").values()}
    verbs = {name[:4] for name in ours if not name.endswith("\uff08\u65e7\uff09")}  # a node for an old one says so
    foreign = {"\u52a0\u8f7d CLIP \u89c6\u89c9"}  # what the host calls its CLIPVisionLoader
    for path in DOCS.glob("*/zh.md"):
        for quoted in re.findall("\u201c([^\u201d]+)\u201d", path.read_text(encoding="utf-8")):
            assert quoted[:4] not in verbs or quoted in ours | foreign, (path.parent.name, quoted)


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_the_table_of_files_is_that_of_the_code(nodes, readme):
    found = TABLE.search(readme.read_text(encoding="utf-8"))
    assert found and found[0] == files_table(readme), WRITE


@pytest.mark.parametrize("page", [*READMES, *DOCS.rglob("*.md"), ROOT / "CONTRIBUTING.md"], ids=lambda path: path.name)
def test_links_to_files_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"(?:\]\(|src=\")([^)\"#]+)", text)
    start = DOCS if DOCS in page.parents else page.parent  # from where ComfyUI's page follows the links of help
    lost = [t for t in targets if "://" not in t and not Path(start, t).exists()]
    assert not lost


def test_the_figures_in_the_readme_are_those_of_parity():
    """The READMEs say: never above 1e-4, mostly below 1e-5; grey levels are whole numbers and said apart."""
    rows = [line.split("|")[1:-1] for line in read("tests/parity/RESULTS.md").splitlines() if line.startswith("| ")]
    figures = [(row[0], float(row[3])) for row in rows if re.fullmatch(r"\s*[\d.]+e[-+]\d+\s*", row[3])]
    worst = [figure for what, figure in figures if "grey levels" not in what]
    assert len(worst) > 50 and max(worst) < 1e-4
    assert sum(figure < 1e-5 for figure in worst) > 0.9 * len(worst)
    assert all(figure <= 1 for what, figure in figures if "grey levels" in what)
    assert all("1e-5" in read(readme.name) for readme in READMES)
