"""The pack's source -> every name of ComfyUI that it uses, and how it calls it.

The table is read off the code, so that nothing which the pack uses can be missing in it.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .features import WHOLE, feature_of, file_of

HOST = frozenset({"comfy", "comfy_api", "comfy_execution", "folder_paths", "server"})
PACK = ("attention", "face", "nodes")


@dataclass(frozen=True)
class Call:
    """The shape of a call: how many values by position, which by name; `is_open` where more may follow from a variable."""

    positional: int = 0
    named: tuple[str, ...] = ()
    is_open: bool = False

    def __str__(self) -> str:
        given = [*("_" for _ in range(self.positional)), *(f"{name}=" for name in self.named)]
        return f"({', '.join([*given, *(['...'] if self.is_open else [])])})"


@dataclass(frozen=True)
class Use:
    """One name of ComfyUI's that a file uses, called as `call` says, or not called.

    `is_guarded` says that the file does without where the name is not there.
    """

    name: str
    call: Call | None
    file: str
    feature: str
    is_guarded: bool


def uses_of_pack(root: Path) -> tuple[Use, ...]:
    """Every use in the pack whose folder is `root`, each once for a file."""
    paths = [root / "__init__.py", *(path for package in PACK for path in sorted((root / package).rglob("*.py")))]
    found = (use for path in paths for use in _uses_in(path, root))
    return tuple(dict.fromkeys(found))


def _uses_in(path: Path, root: Path) -> Iterator[Use]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    file = file_of(path, root)
    feature = WHOLE if file == "__init__.py" else feature_of(file, tree)
    imports = dict(_imports(tree))
    guarded = _guarded(tree)
    for name, is_guarded in {target: target in guarded for target in imports.values()}.items():
        yield Use(name, None, file, feature, is_guarded)
    for name, call in _named(tree, imports):
        yield Use(name, call, file, feature, any(name == g or name.startswith(f"{g}.") for g in guarded))


def _imports(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Names of a file that stand for something of the host's, and for what."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] in HOST:
                    yield (alias.asname, alias.name) if alias.asname else (alias.name.split(".")[0],) * 2
        elif isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").split(".")[0] in HOST:
            yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)


def _guarded(tree: ast.AST) -> frozenset[str]:
    """What is imported where its absence is caught."""
    tries = (node for node in ast.walk(tree) if isinstance(node, ast.Try))
    bodies = (node.body for node in tries if any(_catches_absence(handler) for handler in node.handlers))
    return frozenset(target for body in bodies for part in body for _, target in _imports(part))


def _catches_absence(handler: ast.ExceptHandler) -> bool:
    return isinstance(handler.type, ast.Name) and handler.type.id in ("ImportError", "ModuleNotFoundError")


def _named(tree: ast.AST, imports: Mapping[str, str]) -> Iterator[tuple[str, Call | None]]:
    called = {id(node.func): _shape(node) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and id(node) not in inner:
            name = _dotted(node, imports)
            if name is not None:
                yield name, called.get(id(node))


def _dotted(node: ast.expr, imports: Mapping[str, str]) -> str | None:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in imports:
        return None
    return ".".join([imports[node.id], *reversed(parts)])


def _shape(call: ast.Call) -> Call:
    positional = [value for value in call.args if not isinstance(value, ast.Starred)]
    named = tuple(word.arg for word in call.keywords if word.arg)
    return Call(len(positional), named, len(positional) < len(call.args) or len(named) < len(call.keywords))
