"""What every event on the wire shares.

Clients are strict about three things and these types keep them: a fresh `event_id` on every server event,
optional fields that are absent rather than null (`OrAbsent`), and nullable ones that are always there.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from sottovoce.ids import random_id

T = TypeVar("T")
OrAbsent: TypeAlias = Annotated[T | None, Field(exclude_if=lambda value: value is None)]
"""A field that is left out of the JSON where it is None; `T | None` is written as null instead."""


class Wire(BaseModel):
    """A JSON object of the protocol; unknown keys and coerced types are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _event_id() -> str:
    return random_id("event")


class ServerEvent(Wire):
    """One message to the client."""

    type: str
    event_id: str = Field(default_factory=_event_id)

    def to_json(self) -> str:
        return self.model_dump_json()
