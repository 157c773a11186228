"""Server events as the strictest of the stock clients read them."""

from __future__ import annotations

import json
from functools import cache
from typing import Any, get_args

import openai.types.realtime.realtime_server_event as stock
from pydantic import BaseModel, TypeAdapter

from sottovoce.realtime.events.base import ServerEvent

_EVENTS: dict[str, type[BaseModel]] = {
    get_args(model.model_fields["type"].annotation)[0]: model
    for model in get_args(get_args(stock.RealtimeServerEvent)[0])
}
NULLABLE_IN_ITEMS = {"transcript"}


def read(event: ServerEvent) -> dict[str, Any]:
    """The event's JSON, once it has passed every check that applies to it."""
    text = event.to_json()
    wire = json.loads(text)
    assert isinstance(wire["event_id"], str)
    assert wire["event_id"].startswith("event_")
    if not wire["type"].startswith("sottovoce."):
        _adapter(wire["type"]).validate_json(text)
    for name in ("item", "part"):
        if name in wire:
            _check_absent_not_null(wire[name])
    if "item" in wire:
        _check_content(wire["item"])
    return dict(wire)


@cache
def _adapter(type_: str) -> TypeAdapter[BaseModel]:
    return TypeAdapter(_EVENTS[type_])


def _check_absent_not_null(part: dict[str, Any]) -> None:
    """agents-js, rule 1 of 6.2: optional fields are absent, not null."""
    for name, value in part.items():
        assert value is not None or name in NULLABLE_IN_ITEMS, f"{name} is null in {part}"
        for inner in value if isinstance(value, list) else []:
            _check_absent_not_null(inner)


def _check_content(item: dict[str, Any]) -> None:
    """agents-js, rules 3, 4 and 5 of 6.2."""
    if item["type"] != "message":
        assert isinstance(item["call_id"], str)
        return
    fitting = {
        "user": {"input_text", "input_audio"},
        "system": {"input_text"},
        "assistant": {"output_text", "output_audio"},
    }
    for part in item["content"]:
        assert part["type"] in fitting[item["role"]]
        assert "transcript" in part or part["type"] in {"input_text", "output_text"}
