"""The nodes' own words -> the words of old nodes and the tables in pages; run this file to write them anew."""

import json
import re
import sys
from pathlib import Path

import old_nodes

ROOT = Path(__file__).resolve().parents[3]
CHINESE = ROOT / "locales" / "zh" / "nodeDefs.json"
READMES = (ROOT / "README.md", ROOT / "README.zh-CN.md")
WIDGETS = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"}
LISTS = re.compile(r"\[\n[^\[\]]*\n *\]")
TABLE = re.compile(r"(?<=<!-- files -->\n).*?(?=<!-- end of files -->)", re.DOTALL)


def schemas():
    """The schema of every node that the pack hands to ComfyUI, by node id."""
    from pack import nodes

    nodes.folders.register()  # the host has no list of adapters before
    from pack.nodes.legacy import handler

    ours = [*(node for module in nodes.MODULES for node in module.NODES), *handler.nodes()]
    found = [node.GET_SCHEMA() for node in ours]
    return {schema.node_id: schema for schema in found}


def label(output):
    """What the page shows beside an output."""
    if output.display_name:
        return output.display_name
    return output.get_io_type() if output.id.startswith("_") else output.id


def saved_widgets(schema):
    """How many values the page saves for a node: one for each widget, and one for what a seed does after a run."""
    widgets = [i for i in schema.inputs if i.get_io_type() in WIDGETS and not getattr(i, "force_input", False)]
    return len(widgets) + sum(bool(getattr(field, "control_after_generate", False)) for field in widgets)


def english():
    """What the page shows of every node: the nodes' own words, in the form of a locale."""
    return {name: _words(schema) for name, schema in schemas().items()}


def _words(schema):
    return {
        "display_name": schema.display_name,
        "description": schema.description,
        "inputs": {i.id: {"name": i.display_name or i.id, "tooltip": i.tooltip} for i in schema.inputs},
        "outputs": {str(n): {"name": label(o), "tooltip": o.tooltip} for n, o in enumerate(schema.outputs)},
    }


def files_table(readme):
    """The table of published files as Markdown, from the pack's own tables."""
    from pack.attention.files.published import FILES

    rows = (" | ".join(_cells(file)) for file in FILES.values())
    head = TABLE.search(readme.read_text(encoding="utf-8"))[0].splitlines()[0]  # it is in the language of the file
    return "\n".join((head, "|" + " --- |" * 6, *(f"| {row} |" for row in rows))) + "\n"


def _cells(file):
    from pack.attention.catalogue.presets import PRESETS

    used = dict.fromkeys(preset.purpose for preset in PRESETS if file in (*preset.files, *preset.downloads))
    folder, _, name = f"models/{file.folder}/{file.name}".rpartition("/")
    size = "-" if file.size is None else f"{file.size / 1e6:,.0f} MB"
    source = f"[{file.repository.name}]({file.repository.page})"
    if name != file.path:
        source += f" `{file.path}`"
    return f"`{name}`", f"`{folder}`", size, source, file.repository.licence, ", ".join(used)


def as_json(words):
    """A locale as its file has it: lists on one line."""
    return LISTS.sub(lambda found: _on_one_line(found[0]), json.dumps(words, ensure_ascii=False, indent=2)) + "\n"


def _on_one_line(listed):
    return json.dumps(json.loads(listed), ensure_ascii=False)


def main():
    sys.path.insert(0, str(ROOT / "tests"))
    import conftest  # noqa: F401  loads the pack

    words, locale = english(), json.loads(CHINESE.read_text(encoding="utf-8"))
    old_nodes.write(schemas(), words, locale)
    kept = {name: locale[name] for name in words if name in locale}
    CHINESE.write_text(as_json(kept), encoding="utf-8")
    for readme in READMES:
        table = files_table(readme)
        text = readme.read_text(encoding="utf-8")
        readme.write_text(TABLE.sub(lambda _, table=table: table, text), encoding="utf-8")


if __name__ == "__main__":
    main()
