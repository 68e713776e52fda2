"""The nodes in the shape of old ones -> their words: Chinese locale, and the tables of the page on coming from the old
packs. What each becomes, and the Chinese, stand in old_nodes.json."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
WORDS = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
PREFIX = "LikenessOld"
PAGES = {"en": ROOT / "docs" / "coming-from.md", "zh": ROOT / "docs" / "coming-from.zh-CN.md"}
MARKED = re.compile(r"(?P<mark><!-- nodes of (?P<pack>[^>]+) -->\n).*?(?=<!-- end -->)", re.DOTALL)
PAGE = WORDS["page"]  # what tables and labels say beside the nodes' own words, by language


def is_old(node_id):
    return node_id.startswith(PREFIX)


def row_of(node_id):
    """The table's row of a node in the shape of an old one; None for those that such nodes become."""
    from pack.nodes.legacy.table import ROWS

    return ROWS.get(node_id.removeprefix(PREFIX))


def title(row):
    from pack.nodes.legacy.titles import TITLES

    return TITLES[row.node_id]


def chinese(schema, words):
    """The Chinese words of one node, from its English ones; inputs keep the names that tutorials have."""
    row = row_of(schema.node_id)
    said = PAGE["zh"]
    name = said["old"].format(title=title(row)) if row else WORDS["words"][schema.display_name]
    description = WORDS["words"].get(schema.description) or said["instead"].format(
        pack=said["packs"][row.pack], title=title(row), becomes=said["new"] if row.becomes else becomes(row, "zh")
    )

    def part(entries):
        return {key: {"name": one["name"], "tooltip": WORDS["words"][one["tooltip"]]} for key, one in entries.items()}

    return {
        "display_name": name,
        "description": description,
        "inputs": part(words["inputs"]),
        "outputs": part(words["outputs"]),
    }


def becomes(row, language):
    return WORDS["nodes"][row.node_id][language]


def table(pack, language):
    """Every old node of a pack, and what stands for it."""
    from pack.nodes.legacy.table import ROWS

    rows = [row for row in ROWS.values() if row.pack == pack]
    lines = [PAGE[language]["heads"], "| --- | --- | --- |"]
    lines += [f"| {title(row)} | `{row.node_id}` | {becomes(row, language)} |" for row in rows]
    return "\n".join(lines) + "\n"


def filled(text, language):
    """The page with its tables written anew."""
    return MARKED.sub(lambda found: found["mark"] + table(found["pack"], language), text)


def write(schemas, english, locale):
    """Write the tables, and put the Chinese words into `locale`."""
    for node_id in filter(is_old, schemas):
        locale[node_id] = chinese(schemas[node_id], english[node_id])
    for language, path in PAGES.items():
        path.write_text(filled(path.read_text(encoding="utf-8"), language), encoding="utf-8")
