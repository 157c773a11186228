"""JSON schemas: how much work one is, and whether a value is what it describes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

UNKEPT = frozenset({"pattern", "patternProperties", "propertyNames", "not", "if", "contains", "$dynamicRef"})
"""Keywords that are not checked: a pattern can take for ever."""
NAMED = frozenset({"properties", "$defs", "definitions", "dependentSchemas"})
"""Keywords whose value holds schemas by name."""
VALUES = frozenset({"enum", "const", "default", "examples"})
MAX_NODES = 5000
"""Of a schema, its references followed: bounds the work of checking an answer, which can double by each."""

MAX_ENUM_VALUES = 1000
"""Of the schemas of one request, OpenAI's own bound: a grammar of twenty thousand takes half a minute."""
MAX_DEPTH = 1000
"""Of a schema, its references followed: llama.cpp goes down by calling itself, and its process ends where the
stack does."""


class UncheckedError(Exception):
    """A schema has a keyword that is not checked, which is the message, or too many parts."""


class UnfitError(Exception):
    """A value is not what its schema describes; the message says where."""


class NoSchemaError(Exception):
    """What was given as a schema is none."""


def check_keywords(schema: Mapping[str, Any]) -> None:
    """Raises `UncheckedError` for a schema that could take too long to check against."""
    try:
        count = _Nodes(schema).count(schema)
    except RecursionError as error:
        raise UncheckedError("too many parts within each other") from error
    if count > MAX_NODES:
        raise UncheckedError(f"more than {MAX_NODES} parts")


def check_value(value: object, schema: Mapping[str, Any]) -> None:
    """Raises `UnfitError` and `NoSchemaError`. Takes its time for a schema that `check_keywords` refuses."""
    import jsonschema  # late: few ask for it, and it takes 9 MB
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    validator = jsonschema.Draft202012Validator(schema, registry=Registry())  # which fetches nothing
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
        validator.validate(value)
    except jsonschema.SchemaError as error:
        raise NoSchemaError(error.message[:200]) from error
    except RecursionError as error:
        raise UnfitError("it refers to itself without an end") from error
    except (jsonschema.ValidationError, Unresolvable) as error:
        raise UnfitError(str(error).splitlines()[0][:200]) from error


def count_enum_values(schema: object) -> int:
    """Of all enums in `schema`, wherever they stand; references are not followed."""
    count, rest = 0, [schema]
    while rest:
        node = rest.pop()
        if isinstance(node, Mapping):
            enum = node.get("enum")
            count += len(enum) if isinstance(enum, list) else 0
            rest += node.values()
        elif isinstance(node, list):
            rest += node
    return count


def depth_of(schema: Mapping[str, Any]) -> int:
    """Levels that whoever follows every reference once goes down at most, all of them behind each other."""
    heights: dict[int, int] = {}
    references: set[str] = set()
    own = _height(schema, heights, references)
    targets = {id(referred(reference, schema)) for reference in references}
    return own + sum(heights.get(target, 0) for target in targets)


def _height(node: object, heights: dict[int, int], references: set[str]) -> int:
    """Of what is written within `node`, whose depth the parser has bounded."""
    if not isinstance(node, Mapping | list):
        return 0
    if isinstance(node, Mapping) and isinstance(node.get("$ref"), str):
        references.add(node["$ref"])
    inner = node.values() if isinstance(node, Mapping) else node
    heights[id(node)] = 1 + max((_height(one, heights, references) for one in inner), default=0)
    return heights[id(node)]


def fault_of(value: object, schema: Mapping[str, Any]) -> str | None:
    """Why `value` is not what `schema` describes; None also where that is not checked."""
    try:
        check_keywords(schema)
        check_value(value, schema)
    except UnfitError as error:
        return str(error)
    except (UncheckedError, NoSchemaError):
        pass
    return None


class _Nodes:
    """Counts the schemas within a schema; one that is referred to counts every time."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.root = root
        self.counted: dict[int, int] = {}

    def count(self, node: Any) -> int:
        """Raises `UncheckedError` for a keyword in UNKEPT."""
        if not isinstance(node, Mapping):
            return 0
        if id(node) not in self.counted:
            self.counted[id(node)] = 0  # a way back to here ends with the answer it describes
            if unkept := UNKEPT & node.keys():
                raise UncheckedError(min(unkept))
            self.counted[id(node)] = 1 + sum(self.count(one) for one in self.parts(node))
        return self.counted[id(node)]

    def parts(self, node: Mapping[str, Any]) -> Iterator[Any]:
        """Names of properties are no keywords, values of enums no schemas."""
        if isinstance(node.get("$ref"), str):
            yield referred(node["$ref"], self.root)
        for key, inner in node.items():
            if key in NAMED and isinstance(inner, Mapping):
                yield from inner.values()
            elif key not in VALUES:
                yield from inner if isinstance(inner, list) else [inner]


def referred(reference: str, root: Mapping[str, Any]) -> Any:
    """The local schema behind "#/$defs/Name"; anything else is not followed."""
    found: Any = root if reference.startswith("#") else {}
    for step in reference.removeprefix("#").strip("/").split("/"):
        if step:
            found = (
                found.get(step.replace("~1", "/").replace("~0", "~"), {})
                if isinstance(found, Mapping)
                else {}
            )
    return found
