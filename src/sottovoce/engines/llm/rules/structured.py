"""Answers in a JSON form that was asked for, which they keep to exactly."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from sottovoce.engines.llm.rules.arguments import fill
from sottovoce.engines.llm.rules.fitting import bounded
from sottovoce.engines.llm.rules.schema import Field, fields_of, referred
from sottovoce.errors import InvalidRequestError

ANSWER_WORDS = frozenset("answer reply text message response content".split(" "))
"""Names of a field that takes the whole answer."""
UNKEPT = frozenset({"pattern", "patternProperties", "propertyNames", "not", "if", "contains", "$dynamicRef"})
"""Keywords that values drawn from words cannot be made to satisfy; to check a pattern can take for ever."""
NAMED = frozenset({"properties", "$defs", "definitions", "dependentSchemas"})
"""Keywords whose value holds schemas by name."""
VALUES = frozenset({"enum", "const", "default", "examples"})
PARAM = "response_format.json_schema.schema"
MAX_NODES = 5000
"""Of a schema, its references followed: bounds the work of checking an answer, which can double by each."""


def json_reply(schema: Mapping[str, Any], text: str, answer: str, today: date) -> str:
    """`answer`, and what else of `schema` the user's `text` fills, as JSON. An empty schema takes any object.

    Raises `InvalidRequestError` where the schema asks for more than this engine can promise.
    """
    fields = fields_of(schema)
    if not fields and not schema:
        return json.dumps({"answer": answer})
    _check_keywords(schema)
    filled = fill(schema, text, today).arguments
    if takes := _answer_field(fields):
        filled[takes.name] = bounded(answer, takes)
    _check_value(schema, filled)
    return json.dumps(filled)


def _answer_field(fields: tuple[Field, ...]) -> Field | None:
    texts = [one for one in fields if one.kind == "string" and not one.choices and not one.format]
    return texts[0] if len(texts) == 1 and set(texts[0].words) & ANSWER_WORDS else None


def _check_keywords(schema: Mapping[str, Any]) -> None:
    if _Nodes(schema).count(schema) > MAX_NODES:
        raise InvalidRequestError(
            f"The schema has more than {MAX_NODES} parts.", param=PARAM, code="unsupported_schema"
        )


class _Nodes:
    """Counts the schemas within a schema; one that is referred to counts every time."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.root = root
        self.counted: dict[int, int] = {}

    def count(self, node: Any) -> int:
        """Raises `InvalidRequestError` for a keyword in UNKEPT."""
        if not isinstance(node, Mapping):
            return 0
        if id(node) not in self.counted:
            self.counted[id(node)] = 0  # a way back to here ends with the answer it describes
            _check_kept(node)
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


def _check_kept(node: Mapping[str, Any]) -> None:
    if unkept := UNKEPT & node.keys():
        raise InvalidRequestError(
            f"This engine cannot keep to {min(unkept)!r} in a schema; leave it out.",
            param=PARAM,
            code="unsupported_schema",
        )


def _check_value(schema: Mapping[str, Any], value: object) -> None:
    """Raises `InvalidRequestError` where `value` is not what `schema` describes, or that is no schema."""
    import jsonschema  # late: few ask for it, and it takes 9 MB
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    validator = jsonschema.Draft202012Validator(schema, registry=Registry())  # which fetches nothing
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
        validator.validate(value)
    except jsonschema.SchemaError as error:
        raise InvalidRequestError(f"This is no JSON schema: {error.message[:200]}", param=PARAM) from error
    except RecursionError as error:
        raise _no_answer("it refers to itself without an end") from error
    except (jsonschema.ValidationError, Unresolvable) as error:
        raise _no_answer(str(error).splitlines()[0][:200]) from error


def _no_answer(reason: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"This engine found no answer that the schema allows: {reason}",
        param=PARAM,
        code="unsupported_schema",
    )
