"""JSON forms are kept to exactly, or refused by name; and no schema takes long."""

from __future__ import annotations

import asyncio
import json
from datetime import date
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sottovoce.engines.llm.rules.structured import json_reply
from sottovoce.errors import InvalidRequestError

TODAY = date(2026, 11, 22)
STRING: dict[str, Any] = {"type": "string"}


def strict(**properties: Any) -> dict[str, Any]:
    """An object as OpenAI's strict mode wants it."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def answered(schema: dict[str, Any], text: str = "two blue ones on friday", answer: str = "Yes.") -> Any:
    value = json.loads(json_reply(schema, text, answer, TODAY))
    jsonschema.validate(value, schema)
    return value


TREE = {
    **strict(root={"$ref": "#/$defs/node"}),
    "$defs": {
        "node": strict(
            name=STRING,
            children={"type": "array", "items": {"$ref": "#/$defs/node"}},
            next={"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
        )
    },
}


def test_any_object_holds_the_answer() -> None:
    assert answered({}) == {"answer": "Yes."}


def test_an_answer_goes_where_it_belongs_and_values_where_they_do() -> None:
    schema = strict(final_answer=STRING, count={"type": "integer"}, color={"enum": ["red", "blue"]})
    assert answered(schema) == {"final_answer": "Yes.", "count": 2, "color": "blue"}


@pytest.mark.parametrize(
    "schema",
    [
        TREE,
        strict(steps={"type": "array", "items": strict(why=STRING, output=STRING)}, answer=STRING),
        strict(a=strict(b=strict(c=strict(d=strict(e={"type": "integer"}))))),
        strict(when={"type": "string", "format": "date-time"}, day={"type": "string", "format": "date"}),
        strict(many={"type": "array", "items": {"type": "number"}, "minItems": 3}),
        strict(least={"type": "integer", "minimum": 7}, most={"type": "number", "exclusiveMaximum": -1}),
        strict(pattern=STRING, properties={"enum": [{"not": 1}]}),
        strict(either={"anyOf": [STRING, {"type": "integer"}]}, none={"type": ["integer", "null"]}),
    ],
)
def test_forms_are_kept_to(schema: dict[str, Any]) -> None:
    answered(schema)
    answered(schema, text="")


@pytest.mark.parametrize(
    ("schema", "named"),
    [
        (strict(code={"type": "string", "pattern": "(a+)+$"}), "pattern"),
        (strict(inner=strict(code={"type": "string", "pattern": "a"})), "pattern"),
        ({"not": {"type": "object"}}, "not"),
        ({"type": "object", "patternProperties": {"a": STRING}}, "patternProperties"),
        (strict(far={"$ref": "https://example.org/schema"}), "Unresolvable"),
        (strict(lost={"$ref": "#/$defs/nothing"}), "nothing"),
        (
            strict(never={"type": "array", "items": {"const": 1}, "minItems": 2, "uniqueItems": True}),
            "unique",
        ),
        ({"type": "array", "items": STRING}, "array"),
        ({"type": "nonsense"}, "no JSON schema"),
        ({"type": "object", "required": 5}, "no JSON schema"),
    ],
)
def test_what_cannot_be_kept_to_is_refused_by_name(schema: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidRequestError, match=named) as raised:
        json_reply(schema, "two blue ones", "Yes.", TODAY)
    assert raised.value.param == "response_format.json_schema.schema"


def doubling(keyword: str) -> dict[str, Any]:
    """Forty references, each to two of the next."""
    links = {f"a{number}": {keyword: [{"$ref": f"#/$defs/a{number + 1}"}] * 2} for number in range(40)}
    return {**strict(x={"$ref": "#/$defs/a0"}), "$defs": {**links, "a40": STRING}}


@pytest.mark.parametrize(
    "schema",
    [
        doubling("allOf"),
        doubling("anyOf"),
        {**strict(x={"$ref": "#/$defs/a"}), "$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}] * 2}}},
        strict(**{f"p{number}": STRING for number in range(6000)}),
    ],
)
async def test_a_schema_that_multiplies_is_refused_in_no_time(schema: dict[str, Any]) -> None:
    async with asyncio.timeout(5):
        with pytest.raises(InvalidRequestError):
            await asyncio.to_thread(json_reply, schema, "x", "Yes.", TODAY)


def test_a_schema_without_an_end_is_refused_in_words_for_its_writer() -> None:
    endless = {"allOf": [{"$ref": "#/$defs/a"}]}
    schema = {**strict(x={"$ref": "#/$defs/a"}), "$defs": {"a": endless}}
    with pytest.raises(InvalidRequestError, match="refers to itself without an end") as raised:
        json_reply(schema, "x", "Yes.", TODAY)
    assert "recursion" not in raised.value.message


schemas = st.recursive(
    st.sampled_from(
        [
            STRING,
            {"type": "integer", "minimum": 3},
            {"type": "number", "maximum": -1},
            {"type": "boolean"},
            {"enum": ["red", "blue"]},
            {"const": 5},
            {"type": ["string", "null"]},
            {"type": "string", "maxLength": 3},
            {"type": "string", "format": "date"},
        ]
    ),
    lambda inner: st.one_of(
        st.dictionaries(st.sampled_from(["city", "count", "answer", "when", "x"]), inner, max_size=4).map(
            lambda properties: strict(**properties)
        ),
        inner.map(lambda items: {"type": "array", "items": items, "minItems": 1}),
        inner.map(lambda one: {"anyOf": [one, {"type": "null"}]}),
    ),
    max_leaves=8,
)


@settings(max_examples=60)
@given(
    st.dictionaries(st.sampled_from(["city", "answer", "a", "b"]), schemas, min_size=1, max_size=4),
    st.text(max_size=40),
)
def test_what_strict_mode_offers_is_always_kept_to(properties: dict[str, Any], text: str) -> None:
    answered(strict(**properties), text)
