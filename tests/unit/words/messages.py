"""The pack's code -> the sentences that a person can meet on a node, as templates with named places."""

import ast
import re

from schemas import ROOT

PROSE = re.compile(r"[A-Za-z]{2,}.* .*[a-z]{2,}|\b[a-z]{2,} | [a-z]{2,}\b")
LITERAL = re.compile(r"\{\w+\}")
CODE = re.compile(r"->|%[sd.]|\w\[\[|\w\[[\w.*, |\[]+\]+$|^\w+ \| None$|[\\^]")
"""Patterns of axes, formats of the log, types, regular expressions."""
FORMAT = re.compile(r"\{(\w*)(?::[^{}]*)?\}")
"""A place that str.format fills."""
OF_SCHEMAS = {"tooltip", "description", "display_name", "search_aliases", "category"}
"""Words of a node's form: locales/zh/nodeDefs.json has them."""
NOT_ON_A_NODE = {
    "attention/sampling/compiled.py": "said in the log",
    "attention/sampling/fused.py": "said in the log",
    "attention/training/curve.py": "drawn into a picture",
    "attention/training/graphs.py": "said in the log",
    "attention/training/processes.py": "of run.py train, by several processes",
    "attention/training/reading.py": "of run.py train, by several processes",
    "attention/training/room.py": "said in the log",
    "attention/training/sharding.py": "of run.py train, by several processes",
    "nodes/available.py": "said in the log",
    "nodes/legacy/handler.py": "said in the log",
    "nodes/legacy/options.py": "read in an old node",
    "nodes/legacy/setting.py": "said in the log",
    "nodes/legacy/shape.py": "on the page about old nodes",
    "nodes/legacy/sockets.py": "words of a node's form",
    "nodes/legacy/titles.py": "words of a node's form",
    "nodes/legacy/widgets.py": "words of a node's form",
    "nodes/page/plot_adapters.py": "drawn into a picture",
}


def texts():
    """Every string of the code that could be shown: (file, template)."""
    for folder in ("attention", "face", "nodes"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            place = path.relative_to(ROOT).as_posix()
            yield from ((place, text) for text in _of(ast.parse(path.read_text(encoding="utf-8"))))


def lines(template):
    """A sentence is looked up line by line: what is put together of several lines has each of them."""
    return [line.strip() for line in template.split("\n") if line.strip()]


def is_prose(template):
    """Words that make a sentence or a part of one, rather than a name, a pattern or a key."""
    return bool(PROSE.search(LITERAL.sub("", template))) and not CODE.search(template)


def _of(tree):
    passed = _not_shown(tree)
    for node in ast.walk(tree):
        if id(node) not in passed and _is_text(node):
            passed.update(id(part) for part in _parts(node))
            yield _template(node)


def _not_shown(tree):
    """Docstrings, words of forms, formats of numbers."""
    hidden = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and _is_text(node.value):
            hidden.add(id(node.value))
        elif isinstance(node, ast.keyword) and node.arg in OF_SCHEMAS:
            hidden.update(map(id, ast.walk(node.value)))
        elif isinstance(node, ast.FormattedValue) and node.format_spec:
            hidden.update(map(id, ast.walk(node.format_spec)))
    return hidden


def _is_text(node):
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Add) and (_is_text(node.left) or _is_text(node.right))
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _parts(node):
    """The strings that a text is put together of; those within its places are texts of their own."""
    yield node
    if isinstance(node, ast.BinOp):
        yield from (*_parts(node.left), *_parts(node.right))
    elif isinstance(node, ast.JoinedStr):
        yield from node.values


def _template(text):
    names = {}

    def place(expression):
        name = _name(expression)
        names[name] = names.get(name, 0) + 1
        return f"{{{name}{names[name] if names[name] > 1 else ''}}}"

    def put(node):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return FORMAT.sub(lambda found: f"{{{found[1] or 'number'}}}", node.value)
        if isinstance(node, ast.JoinedStr):
            return "".join(map(put, node.values))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return put(node.left) + put(node.right)
        return place(node.value if isinstance(node, ast.FormattedValue) else node)

    return put(text)


def _name(expression):
    """What stands in a place: the first thing that its expression names, or the function it asks."""
    names = [*_named(expression)]
    return (
        next((name for name in names if name not in {"self", "np", "str", "type", "sys"}), names[-1]).strip("_").lower()
    )


def _named(node):
    if isinstance(node, ast.Attribute):
        yield from [] if node.attr.startswith("__") else [node.attr]
        yield from _named(node.value)
    elif isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Call):
        inner = node.func.value if isinstance(node.func, ast.Attribute) else None
        found = [name for part in (inner, *node.args) if part is not None for name in _named(part)]
        yield from found or _named(node.func)
    elif isinstance(node, (ast.GeneratorExp, ast.ListComp)):
        yield from _named(node.generators[0].iter)
    elif isinstance(node, ast.IfExp):
        yield from (*_named(node.test), *_named(node.body), *_named(node.orelse))
    elif isinstance(node, ast.Subscript):
        yield from _named(node.value)
    else:
        for child in ast.iter_child_nodes(node):
            yield from _named(child)
