"""What of livekit's packages our code names, read from the code itself, so that nobody keeps a list."""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parents[2] / "src"
LIVEKIT = "livekit."
ANYTHING = "**"
"""In the keywords of a call: some are only known when it runs."""


@dataclass(frozen=True)
class Use:
    """A name of livekit's, where it stands, and what it is called with: None where it is only named."""

    name: str
    place: str
    keywords: frozenset[str] | None = None
    positional: int = 0


def uses(root: Path = SOURCE) -> list[Use]:
    """Every use in the package, the same name at the same place once."""
    found = [use for path in files(root) for use in _in_file(path, root)]
    return sorted(set(found), key=lambda use: (use.name, use.place))


def files(root: Path = SOURCE) -> list[Path]:
    """Those that import anything of livekit's."""
    return [path for path in sorted(root.rglob("*.py")) if aliases_of(ast.parse(path.read_text()))]


def resolve(name: str) -> Any:
    """What `livekit.agents.llm.ChatContext` is. Raises `AttributeError` or `ImportError` with the name that
    is missing."""
    words = name.split(".")
    for size in range(len(words), 0, -1):
        try:
            found = importlib.import_module(".".join(words[:size]))
        except ModuleNotFoundError as error:
            if not name.startswith(error.name or "-"):
                raise
            continue
        for word in words[size:]:
            if isinstance(found, type) and _is_computed(found, word):
                return found  # what is behind it is made when it is asked for, native threads and all
            found = _member(found, word, name)
        return found
    raise ModuleNotFoundError(name)


def private_names(root: Path = SOURCE) -> dict[str, set[str]]:
    """Names with a leading underscore that files with livekit in them use and Sottovoce never defines, with
    the places."""
    ours = {name for path in sorted(root.rglob("*.py")) for name in _defined(ast.parse(path.read_text()))}
    found: dict[str, set[str]] = {}
    for path in files(root):
        tree = ast.parse(path.read_text())
        others = _others(tree)
        for node in ast.walk(tree):
            for name in _mentioned(node, others):
                if name.startswith("_") and not name.startswith("__") and name not in ours:
                    found.setdefault(name, set()).add(place(path, root, node))
    return found


def _in_file(path: Path, root: Path) -> Iterator[Use]:
    tree = ast.parse(path.read_text())
    aliases = aliases_of(tree)
    for name in aliases.values():
        yield Use(name, str(path.relative_to(root)))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and (named := dotted(node, aliases)) is not None:
            yield Use(named, place(path, root, node))
        if isinstance(node, ast.Call) and (called := dotted(node.func, aliases)) is not None:
            given = frozenset(keyword.arg or ANYTHING for keyword in node.keywords)
            positional = sum(not isinstance(value, ast.Starred) for value in node.args)
            yield Use(called, place(path, root, node), given, positional)


def aliases_of(tree: ast.Module, packages: tuple[str, ...] = (LIVEKIT,)) -> dict[str, str]:
    """By which names a file knows the things of `packages`."""
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and _is_of(packages, node.module or "") and not node.level:
            known |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        if isinstance(node, ast.Import):
            named = [alias for alias in node.names if _is_of(packages, alias.name)]
            known |= {
                alias.asname or _top(alias): alias.name if alias.asname else _top(alias) for alias in named
            }
    return known


def _is_of(packages: tuple[str, ...], module: str) -> bool:
    return f"{module}.".startswith(packages)


def _top(alias: ast.alias) -> str:
    return alias.name.partition(".")[0]


def dotted(node: ast.expr, aliases: dict[str, str]) -> str | None:
    """The full name of an attribute chain that begins with something imported."""
    words: list[str] = []
    while isinstance(node, ast.Attribute):
        words.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in aliases:
        return None
    return ".".join([aliases[node.id], *reversed(words)])


def _member(of: Any, word: str, name: str) -> Any:
    if not hasattr(of, word) and inspect.ismodule(of):
        return importlib.import_module(f"{of.__name__}.{word}")
    try:
        return getattr(of, word)
    except AttributeError:
        raise AttributeError(f"{name}: {getattr(of, '__name__', of)} has no {word!r}") from None


def _is_computed(kind: type, word: str) -> bool:
    member = inspect.getattr_static(kind, word, None)
    is_descriptor = hasattr(type(member), "__get__")
    return is_descriptor and not callable(member) and not isinstance(member, classmethod | staticmethod)


def _defined(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_self(node.value):
            yield node.attr
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.alias) and not hasattr(builtins, node.name):
            yield node.asname or ""


def _mentioned(node: ast.AST, others: set[str]) -> Iterator[str]:
    match node:
        case ast.Attribute(value=ast.Name(id=module)) if module in others:
            return
        case ast.Attribute(attr=name) | ast.keyword(arg=str(name)) | ast.alias(name=name):
            yield name


def _others(tree: ast.Module) -> set[str]:
    """Modules that are not livekit's."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
    names = [alias for node in imports for alias in node.names if not _is_of((LIVEKIT,), alias.name)]
    return {alias.asname or _top(alias) for alias in names}


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def place(path: Path, root: Path, node: ast.AST) -> str:
    return f"{path.relative_to(root)}:{getattr(node, 'lineno', 0)}"
