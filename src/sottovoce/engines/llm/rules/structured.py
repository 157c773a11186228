"""Answers in a JSON form that was asked for, which they keep to exactly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from sottovoce.engines.llm.json_forms import (
    NoSchemaError,
    UncheckedError,
    UnfitError,
    check_keywords,
    check_value,
)
from sottovoce.engines.llm.rules.arguments import fill
from sottovoce.engines.llm.rules.fitting import bounded
from sottovoce.engines.llm.rules.schema import Field, fields_of
from sottovoce.errors import InvalidRequestError

ANSWER_WORDS = frozenset("answer reply text message response content".split(" "))
"""Names of a field that takes the whole answer."""
PARAM = "response_format.json_schema.schema"


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
    try:
        check_keywords(schema)
    except UncheckedError as error:
        raise InvalidRequestError(
            f"This engine cannot keep to a schema with {str(error)!r}; leave it out.",
            param=PARAM,
            code="unsupported_schema",
        ) from error


def _check_value(schema: Mapping[str, Any], value: object) -> None:
    try:
        check_value(value, schema)
    except NoSchemaError as error:
        raise InvalidRequestError(f"This is no JSON schema: {error}", param=PARAM) from error
    except UnfitError as error:
        raise _no_answer(str(error)) from error


def _no_answer(reason: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"This engine found no answer that the schema allows: {reason}",
        param=PARAM,
        code="unsupported_schema",
    )
