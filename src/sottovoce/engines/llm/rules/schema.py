"""JSON schemas of tools, reduced to what words can fill."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sottovoce.engines.llm.json_forms import referred

MAX_DEPTH = 8
"""Of nested objects and references: bounds the work on a hostile schema."""
MAX_PROPERTIES = 64
MAX_STEPS = 1000
"""Schemas looked at for one tool: references can multiply a small document into a huge one."""


@dataclass(frozen=True, slots=True)
class Field:
    """One value to fill. `kind` is a JSON type; `choices` are the values of an enum or const."""

    name: str
    kind: str
    description: str = ""
    is_required: bool = False
    is_nullable: bool = False
    choices: tuple[Any, ...] = ()
    default: Any = None
    has_default: bool = False
    rules: Mapping[str, Any] = field(default_factory=dict)
    """The schema's own keywords: minimum, maxLength, format and so on."""
    inner: tuple[Field, ...] = ()
    items: Field | None = None

    @property
    def format(self) -> str:
        """The schema's `format`, empty for none."""
        found = self.rules.get("format")
        return found if isinstance(found, str) else ""

    @property
    def words(self) -> list[str]:
        return split_name(self.name)


def split_name(name: str) -> list[str]:
    """The words of "get_currentTime"."""
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    return re.findall(r"[a-z]+|\d+", spaced.lower())


def fields_of(parameters: Mapping[str, Any]) -> tuple[Field, ...]:
    """The fields of a tool's parameters; malformed parts of the schema count as absent."""
    reader = _Reader(parameters)
    return reader.object(reader.resolved(parameters, 0), 0)


class _Reader:
    """Reads one schema, within `MAX_DEPTH` and `MAX_STEPS`."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.root = root
        self.steps_left = MAX_STEPS

    def object(self, schema: Mapping[str, Any], depth: int) -> tuple[Field, ...]:
        properties = schema.get("properties")
        if not isinstance(properties, Mapping) or depth > MAX_DEPTH:
            return ()
        required = schema.get("required")
        names = required if isinstance(required, list) else ()
        return tuple(
            self.field(name, inner, depth + 1, is_required=name in names)
            for name, inner in list(properties.items())[:MAX_PROPERTIES]
        )

    def field(self, name: str, schema: Any, depth: int, *, is_required: bool = False) -> Field:
        known = self.resolved(schema, depth)
        kind, is_nullable = _kind(known)
        return Field(
            name=name,
            kind=kind,
            description=str(known.get("description") or ""),
            is_required=is_required,
            is_nullable=is_nullable,
            choices=_choices(known),
            default=known.get("default"),
            has_default="default" in known,
            rules=known,
            inner=self.object(known, depth) if kind == "object" else (),
            items=self.items(name, known, depth) if kind == "array" else None,
        )

    def items(self, name: str, schema: Mapping[str, Any], depth: int) -> Field | None:
        return self.field(name, schema.get("items"), depth + 1) if depth <= MAX_DEPTH else None

    def resolved(self, schema: Any, depth: int) -> Mapping[str, Any]:
        """`schema` with its reference, its `allOf` and the first useful branch of any choice merged in."""
        self.steps_left -= 1
        if not isinstance(schema, Mapping) or depth > MAX_DEPTH * 2 or self.steps_left < 0:
            return {}
        merged = dict(schema)
        for part in self.parts(schema):
            branch = self.resolved(part, depth + 1)
            merged = {**branch, **merged, "nullable": merged.get("nullable") or branch.get("nullable", False)}
        return merged

    def parts(self, schema: Mapping[str, Any]) -> list[Any]:
        parts = [referred(schema["$ref"], self.root)] if isinstance(schema.get("$ref"), str) else []
        if isinstance(schema.get("allOf"), list):
            parts += schema["allOf"][:MAX_PROPERTIES]
        for keyword in ("anyOf", "oneOf"):
            branches = schema.get(keyword)
            if isinstance(branches, list):
                useful = [branch for branch in branches if not _is_null(branch)]
                parts += useful[:1]
                if len(useful) < len(branches):
                    parts.append({"nullable": True})
        return parts


def _choices(schema: Mapping[str, Any]) -> tuple[Any, ...]:
    if "const" in schema:
        return (schema["const"],)
    values = schema.get("enum")
    return tuple(value for value in values if value is not None) if isinstance(values, list) else ()


def _kind(schema: Mapping[str, Any]) -> tuple[str, bool]:
    given = schema.get("type")
    kinds = [kind for kind in (given if isinstance(given, list) else [given]) if isinstance(kind, str)]
    is_nullable = "null" in kinds or schema.get("nullable") is True
    kinds = [kind for kind in kinds if kind != "null"]
    return (kinds[0] if kinds else _guessed(schema)), is_nullable


def _guessed(schema: Mapping[str, Any]) -> str:
    if "properties" in schema:
        return "object"
    choices = _choices(schema)
    if choices and all(isinstance(choice, int) and not isinstance(choice, bool) for choice in choices):
        return "integer"
    return "array" if "items" in schema else "string"


def _is_null(branch: Any) -> bool:
    return isinstance(branch, Mapping) and branch.get("type") == "null"
