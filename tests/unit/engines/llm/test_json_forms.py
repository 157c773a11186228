from __future__ import annotations

from typing import Any

import pytest

from sottovoce.engines.llm.json_forms import (
    MAX_NODES,
    UncheckedError,
    check_keywords,
    count_enum_values,
    depth_of,
    fault_of,
)


def chain_of(references: int) -> dict[str, Any]:
    definitions = {f"a{number}": {"$ref": f"#/$defs/a{number + 1}"} for number in range(references)}
    return {"$ref": "#/$defs/a0", "$defs": definitions | {f"a{references}": {"type": "string"}}}


@pytest.mark.parametrize(
    ("schema", "depth"),
    [
        ({}, 1),
        ({"type": "object", "properties": {"name": {"type": "string"}}}, 3),
        ({"anyOf": [{"type": "null"}, {"items": {"type": "null"}}]}, 4),
        (chain_of(5), 3 + 6),
        ({"$defs": {"a": {"items": {}}}, "items": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}]}, 4 + 2),
        ({"$ref": "#"}, 2),
        ({"items": {"$ref": "https://example.com/x"}, "contains": {"$ref": 5}}, 2),
    ],
)
def test_the_depth_of_a_schema_counts_each_reference_once(schema: dict[str, Any], depth: int) -> None:
    assert depth_of(schema) == depth


def test_names_of_one_place_are_one_reference() -> None:
    """Nobody makes a small schema deep, or us busy, by spelling one reference in many ways."""
    schema = {"anyOf": [{"$ref": "#" + "/" * number} for number in range(500)]}
    assert depth_of(schema) == 2 * 3


@pytest.mark.parametrize("references", [2_000, 20_000])
def test_references_too_far_to_be_followed_are_not_checked(references: int) -> None:
    schema = chain_of(references)
    with pytest.raises(UncheckedError):
        check_keywords(schema)
    assert fault_of(5, schema) is None


def test_a_schema_of_too_many_parts_is_not_checked() -> None:
    with pytest.raises(UncheckedError, match=f"more than {MAX_NODES} parts"):
        check_keywords({"properties": {str(number): {} for number in range(MAX_NODES)}})


def test_what_is_no_value_of_its_schema_is_told() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    assert fault_of({"n": 5}, schema) is None
    assert "not of type" in (fault_of({"n": "five"}, schema) or "")


def test_enums_are_counted_wherever_they_stand() -> None:
    schema = {"enum": [1, 2], "properties": {"a": {"items": [{"enum": ["x"]}]}}}
    assert count_enum_values(schema) == 3
