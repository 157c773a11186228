"""A tool's arguments from the user's words, by its schema."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sottovoce.engines.llm.rules.arguments import fill

TODAY = date(2026, 11, 22)


def schema(required: list[str] | None = None, **properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else required,
    }


STRING, INTEGER, NUMBER, BOOLEAN = ({"type": kind} for kind in ("string", "integer", "number", "boolean"))


def filled(parameters: dict[str, Any], text: str, *known: str) -> dict[str, Any]:
    arguments = fill(parameters, text, TODAY, known).arguments
    jsonschema.validate(arguments, parameters)
    return arguments


@pytest.mark.parametrize(
    ("parameters", "text", "arguments"),
    [
        (schema(count=INTEGER), "give me twenty three of them", {"count": 23}),
        (schema(amount=NUMBER), "add three point five", {"amount": 3.5}),
        (schema(level={"type": "integer", "minimum": 0, "maximum": 10}), "level ninety", {"level": 10}),
        (schema(step={"type": "number", "multipleOf": 0.5}), "two point four", {"step": 2.5}),
        (schema(duration_seconds=INTEGER), "wait for ten minutes", {"duration_seconds": 600}),
        (schema(minutes=INTEGER), "wait for an hour and a half", {"minutes": 90}),
        (
            schema(adults=INTEGER, children=INTEGER),
            "two adults and three children",
            {"adults": 2, "children": 3},
        ),
        (
            schema(children=INTEGER, adults=INTEGER),
            "two adults and three children",
            {"children": 3, "adults": 2},
        ),
        (schema(unit={"enum": ["celsius", "fahrenheit"]}), "in fahrenheit please", {"unit": "fahrenheit"}),
        (schema(unit={"enum": ["celsius", "fahrenheit"]}), "in farenheit", {"unit": "fahrenheit"}),
        (
            schema(room={"type": "string", "enum": ["kitchen", "living_room"]}),
            "the living room",
            {"room": "living_room"},
        ),
        (schema(state={"enum": ["on", "off"]}), "turn the light off", {"state": "off"}),
        (schema(size={"type": "integer", "enum": [1, 5, 10]}), "size five", {"size": 5}),
        (schema(kind={"const": "alarm"}), "whatever", {"kind": "alarm"}),
        (schema(enabled=BOOLEAN), "turn it off", {"enabled": False}),
        (schema(loud=BOOLEAN), "make it loud", {"loud": True}),
        (schema(loud=BOOLEAN), "do not be loud", {"loud": False}),
        (
            schema(
                days={"type": "array", "items": {"type": "string", "enum": ["monday", "tuesday", "friday"]}}
            ),
            "on friday and monday",
            {"days": ["friday", "monday"]},
        ),
        (schema(values={"type": "array", "items": INTEGER}), "sort 3, 1 and 2", {"values": [3, 1, 2]}),
        (
            schema(items={"type": "array", "items": STRING}),
            "a list with milk, eggs and bread",
            {"items": ["milk", "eggs", "bread"]},
        ),
        (schema(city=STRING), "what is the weather in Paris tomorrow", {"city": "Paris"}),
        (
            schema(location=STRING, date=STRING),
            "weather in New York next friday",
            {"location": "New York", "date": "next friday"},
        ),
        (
            schema(origin=STRING, destination=STRING),
            "a train from Berlin to Hamburg",
            {"origin": "Berlin", "destination": "Hamburg"},
        ),
        (schema(query=STRING), "tell me about Romeo and Juliet", {"query": "Romeo and Juliet"}),
        (schema(name=STRING), "make a list called Groceries", {"name": "Groceries"}),
        (schema(when=STRING), "book it for tomorrow at nine", {"when": "tomorrow at 9"}),
        (schema(day={"type": "string", "format": "date"}), "on the third of march", {"day": "2027-03-03"}),
        (schema(email=STRING), "mail it to bob@example.org please", {"email": "bob@example.org"}),
        (schema(text={"type": "string", "maxLength": 5}), "say about everything", {"text": "every"}),
        (
            schema(place=schema(city=STRING, floor=INTEGER)),
            "in Rome on floor three",
            {"place": {"city": "Rome", "floor": 3}},
        ),
        (schema(count={"anyOf": [INTEGER, {"type": "null"}]}), "nothing", {"count": None}),
        (schema(count={"type": ["integer", "null"]}), "seven", {"count": 7}),
        (schema(count={"type": "integer", "default": 4}), "some", {"count": 4}),
        (schema([], count=INTEGER, city=STRING), "hello", {}),
        (schema([], count={"type": "integer", "default": 4}), "hello", {}),
        (
            {"$defs": {"Unit": {"enum": ["day", "night"]}}, **schema(unit={"$ref": "#/$defs/Unit"})},
            "at night",
            {"unit": "night"},
        ),
        (schema(unit={"allOf": [{"type": "string"}, {"enum": ["day", "night"]}]}), "by day", {"unit": "day"}),
        (schema(city=STRING), "weather in new york", {"city": "New York"}),
        (schema(city=STRING), "is it raining in Berlin", {"city": "Berlin"}),
        (schema(symbol=STRING), "what is the stock price of Apple", {"symbol": "Apple"}),
        (schema(order_id=STRING), "where is my order A17", {"order_id": "A17"}),
        (schema(order_number=STRING), "look up order 4711", {"order_number": "4711"}),
        (
            schema(to=STRING, body=STRING),
            "send an email to bob@example.org saying I am late",
            {"to": "bob@example.org", "body": "I am late"},
        ),
        (
            schema(room=STRING, state={"enum": ["on", "off"]}),
            "switch the kitchen off",
            {"room": "kitchen", "state": "off"},
        ),
        (
            schema(start={"type": "string", "format": "date-time"}),
            "on the third of march",
            {"start": "2027-03-03T00:00:00Z"},
        ),
        (schema(day={"type": "string", "format": "date"}), "some day", {"day": "2026-11-22"}),
        (schema(key={"type": "string", "format": "uuid"}), "x", {"key": str(UUID(int=0))}),
        ({}, "anything", {}),
        ({"type": "object"}, "anything", {}),
    ],
)
def test_fields_are_filled_from_words(
    parameters: dict[str, Any], text: str, arguments: dict[str, Any]
) -> None:
    assert filled(parameters, text) == arguments


def test_words_that_name_the_tool_are_no_argument() -> None:
    assert filled(schema(song=STRING), "play music yesterday", "play", "music") == {"song": "yesterday"}


@pytest.mark.parametrize(
    ("parameters", "missing"),
    [
        (schema(city=STRING, count=INTEGER), ["count"]),
        (schema([], count=INTEGER), []),
        (schema(unit={"enum": ["celsius", "fahrenheit"]}), ["unit"]),
        (schema(count={"type": "integer", "default": 1}), []),
        (schema(count={"type": ["integer", "null"]}), []),
    ],
)
def test_what_nothing_was_said_for_is_named(parameters: dict[str, Any], missing: list[str]) -> None:
    found = fill(parameters, "the weather in rome", TODAY)
    assert [one.name for one in found.missing] == missing
    jsonschema.validate(found.arguments, parameters)


names = st.sampled_from(
    ["city", "count", "date", "name", "mode", "is_on", "duration", "to", "query", "x", "kind"]
)
scalars = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("string")},
        optional={"maxLength": st.integers(0, 30), "minLength": st.integers(0, 0)},
    ),
    st.fixed_dictionaries(
        {"type": st.just("integer")}, optional={"minimum": st.integers(-5, 5), "maximum": st.integers(6, 50)}
    ),
    st.fixed_dictionaries({"type": st.just("number")}, optional={"exclusiveMinimum": st.integers(-5, 5)}),
    st.just({"type": "boolean"}),
    st.just({"type": ["string", "null"]}),
    st.just({"anyOf": [{"type": "null"}, {"type": "integer"}]}),
    st.lists(st.sampled_from(["red", "deep_blue", "on", "off", "3"]), min_size=1, unique=True).map(
        lambda one: {"enum": one}
    ),
    st.lists(st.integers(0, 9), min_size=1, unique=True).map(lambda one: {"enum": one}),
)


def objects(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    properties = st.dictionaries(names, inner, max_size=4)
    return properties.flatmap(
        lambda made: (
            st.lists(st.sampled_from(sorted(made)), unique=True).map(
                lambda required: {
                    "type": "object",
                    "properties": made,
                    "required": required,
                    "additionalProperties": False,
                }
            )
            if made
            else st.just({"type": "object", "properties": {}})
        )
    )


def arrays(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda items, least: {"type": "array", "items": items, "minItems": least, "maxItems": 6},
        inner,
        st.integers(0, 1),
    )


schemas = objects(st.one_of(scalars, arrays(scalars), objects(scalars)))
utterances = st.one_of(
    st.sampled_from(
        ["set it to seven on friday in deep blue", "off", "for 20 minutes, called Bob, and 3 red ones", ""]
    ),
    st.text(max_size=80),
)


@settings(max_examples=400)
@given(schemas, utterances)
def test_arguments_always_fit_the_schema(parameters: dict[str, Any], text: str) -> None:
    jsonschema.validate(fill(parameters, text, TODAY).arguments, parameters)


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "properties",
                    "items",
                    "enum",
                    "required",
                    "$ref",
                    "anyOf",
                    "allOf",
                    "default",
                    "minimum",
                    "multipleOf",
                    "maxLength",
                    "minItems",
                    "format",
                    "a",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=300)
@given(
    st.dictionaries(st.sampled_from(["type", "properties", "required", "$ref", "anyOf"]), junk, max_size=4)
)
def test_a_malformed_schema_does_no_harm(parameters: dict[str, Any]) -> None:
    fill(parameters, "set it to seven on friday", TODAY)


def test_a_schema_that_refers_to_itself_comes_to_an_end() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}, "required": ["next"]}
    fill({"$defs": {"Node": node}, "$ref": "#/$defs/Node"}, "next", TODAY)
    fill(
        {"$defs": {"Loop": {"$ref": "#/$defs/Loop"}}, "properties": {"a": {"$ref": "#/$defs/Loop"}}},
        "next",
        TODAY,
    )


def test_references_cannot_multiply_the_work() -> None:
    wide = {f"p{number}": {"$ref": "#"} for number in range(64)}
    fill({"type": "object", "properties": wide, "required": list(wide)}, "next", TODAY)
    fill({"allOf": [{"$ref": "#"}] * 64}, "next", TODAY)
