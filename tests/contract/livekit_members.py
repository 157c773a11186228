"""Which members of livekit's objects Sottovoce's code uses, as far as annotations tell whose they are.

A small type inference: parameters, what `self` keeps, what is constructed, properties and returns, through
our own classes, too. What it does not see, mypy does.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
import types
import typing
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from tests.contract.livekit_uses import ANYTHING, SOURCE, Use, aliases_of, dotted, place, resolve

ROOMS = frozenset(("conversation", "livekit", "gateway", "cli", "realtime"))
"""The folders of the package that may handle livekit's objects."""
OURS, THEIRS = "sottovoce.", "livekit."

Kinds = dict[str, type]
"""Of variables, and of what `self` keeps as `self.name`."""


def member_uses(root: Path = SOURCE) -> list[Use]:
    """Uses with names such as `livekit.rtc.room.Room.connect`."""
    paths = [path for path in sorted(root.rglob("*.py")) if ROOMS & set(path.relative_to(root).parts)]
    found = [use for path in paths for use in _Reader(path, root).read()]
    return sorted(set(found), key=lambda use: (use.name, use.place))


class _Reader:
    def __init__(self, path: Path, root: Path) -> None:
        self.path = path
        self.root = root
        self.tree = ast.parse(path.read_text())
        module = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        local = [node.name for node in self.tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
        self.aliases = aliases_of(self.tree, (THEIRS, OURS)) | {name: f"{module}.{name}" for name in local}

    def read(self) -> Iterator[Use]:
        for owner in ast.walk(self.tree):
            if isinstance(owner, ast.ClassDef):
                kept = self._kept(owner) | self._self(owner)
                for function in _functions(owner):
                    yield from self._in(function, kept)
            elif isinstance(owner, ast.Module):
                for function in _functions(owner):
                    yield from self._in(function, {})

    def _in(self, function: ast.AST, kept: Kinds) -> Iterator[Use]:
        kinds = kept | self._given(function)
        for node in ast.walk(function):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    if (kind := self._kind(value, kinds)) is not None:
                        kinds[name] = kind
                case ast.With() | ast.AsyncWith() | ast.For() | ast.AsyncFor():
                    continue
                case ast.Call(func=ast.Attribute() as function_used):
                    yield from self._use(function_used, kinds, node)
                case ast.Attribute():
                    yield from self._use(node, kinds, None)

    def _self(self, owner: ast.ClassDef) -> Kinds:
        kind = _known(resolve(self.aliases[owner.name])) if owner.name in self.aliases else None
        return {"self": kind} if kind is not None else {}

    def _use(self, node: ast.Attribute, kinds: Kinds, call: ast.Call | None) -> Iterator[Use]:
        kind = self._kind(node.value, kinds)
        kind = _owner(kind, node.attr) if kind is not None else None
        if kind is None:
            return
        name = f"{kind.__module__}.{kind.__qualname__}.{node.attr}"
        where = place(self.path, self.root, node)
        if call is None:
            yield Use(name, where)
        else:
            given = frozenset(keyword.arg or ANYTHING for keyword in call.keywords)
            yield Use(name, where, given, len(call.args) + 1)  # and self

    def _kept(self, owner: ast.ClassDef) -> Kinds:
        kept: Kinds = {}
        for function in _functions(owner):
            given = self._given(function)
            for node in ast.walk(function):
                match node:
                    case ast.Assign(
                        targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)], value=value
                    ):
                        kind = self._kind(value, given)
                    case ast.AnnAssign(
                        target=ast.Attribute(value=ast.Name(id="self"), attr=name), annotation=said
                    ):
                        kind = self._annotated(said)
                    case _:
                        continue
                if kind is not None:
                    kept[f"self.{name}"] = kind
        return kept

    def _given(self, function: ast.AST) -> Kinds:
        assert isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        arguments = [*function.args.args, *function.args.kwonlyargs, *function.args.posonlyargs]
        kinds = {argument.arg: self._annotated(argument.annotation) for argument in arguments}
        return {name: kind for name, kind in kinds.items() if kind is not None}

    def _annotated(self, annotation: ast.expr | None) -> type | None:
        """The class that an annotation names, alone or beside what is neither ours nor theirs."""
        if isinstance(annotation, ast.BinOp):
            sides = [self._annotated(side) for side in (annotation.left, annotation.right)]
            known = [kind for kind in sides if kind is not None]
            return known[0] if len(known) == 1 else None
        if isinstance(annotation, ast.Subscript):
            annotation = annotation.value
        name = dotted(annotation, self.aliases) if annotation is not None else None
        return _known(resolve(name)) if name is not None else None

    def _kind(self, node: ast.expr, kinds: Kinds) -> type | None:
        match node:
            case ast.Name(id=name):
                return kinds.get(name)
            case ast.Attribute(value=ast.Name(id="self"), attr=name) if f"self.{name}" in kinds:
                return kinds[f"self.{name}"]
            case ast.Attribute(value=value, attr=name):
                owner = self._kind(value, kinds)
                return _known(member_kind(owner, name)) if owner is not None else None
            case ast.Call(func=ast.Attribute(value=value, attr=name)) if owner := self._kind(value, kinds):
                return _known(_returned(getattr(owner, name, None)))
            case ast.Call(func=function) if (called := dotted(function, self.aliases)) is not None:
                made = resolve(called)
                return _known(made if isinstance(made, type) else _returned(made))
            case ast.Await(value=value):
                return self._kind(value, kinds)
        return None


def has_member(kind: type, name: str) -> bool:
    """Whether instances have it: as attribute of the class, annotated, a field, or set by a method."""
    if hasattr(kind, name) or (issubclass(kind, BaseModel) and name in kind.model_fields):
        return True
    return any(name in getattr(base, "__annotations__", {}) or name in _set(base) for base in kind.__mro__)


def member_kind(kind: type, name: str) -> Any:
    """What a property or an annotation says, None where nothing does."""
    member = inspect.getattr_static(kind, name, None)
    if isinstance(member, property):
        return _returned(member.fget)
    try:
        return typing.get_type_hints(kind).get(name)
    except NameError:  # imported for type checkers only
        return None


def _returned(function: Any) -> Any:
    try:
        return typing.get_type_hints(function).get("return") if callable(function) else None
    except (NameError, TypeError):
        return None


def _known(kind: Any) -> type | None:
    """The class, ours or theirs, that a type is, alone or beside what is neither."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        parts = [found for part in typing.get_args(kind) if (found := _known(part)) is not None]
        return parts[0] if len(parts) == 1 else None
    kind = typing.get_origin(kind) or kind
    return kind if isinstance(kind, type) and kind.__module__.startswith((OURS, THEIRS)) else None


def _owner(kind: type, name: str) -> type | None:
    """The class of livekit's that `name` of a `kind` comes from, or has to; None where it is ours."""
    if not any(base.__module__.startswith(THEIRS) for base in kind.__mro__):
        return None
    ours = [base for base in kind.__mro__ if base.__module__.startswith(OURS)]
    if any(name in vars(base) or name in _set(base) for base in ours):
        return None
    return next(base for base in kind.__mro__ if base.__module__.startswith(THEIRS))


@cache
def _set(base: type) -> frozenset[str]:
    """What its methods assign to `self`."""
    if not base.__module__.startswith((OURS, THEIRS)) or base.__qualname__.count("."):
        return frozenset()
    tree = ast.parse(textwrap.dedent(inspect.getsource(base)))
    return frozenset(
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    )


def _functions(owner: ast.ClassDef | ast.Module) -> Iterator[ast.AST]:
    for node in owner.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
