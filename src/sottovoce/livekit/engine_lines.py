"""What the parent of a fed worker tells of the engines: one line of JSON each time that they change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sottovoce.config import ENGINE_KINDS, EngineEndpoint, EngineKind
from sottovoce.errors import InvalidRequestError

MAX_LINE_BYTES: Final = 1 << 20
"""Memory of the worker from a parent that never ends its line."""

Chains = Mapping[EngineKind, Sequence[EngineEndpoint]]


class _Engine(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: str
    api_key: str = Field(repr=False)
    model: str
    is_local: bool = True
    deadline: float | None = None


_Chain = Annotated[list[_Engine], Field(max_length=64)]


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid")

    stt: _Chain
    llm: _Chain
    tts: _Chain


def write_line(chains: Chains) -> bytes:
    """The preferred one of each kind first. The line holds the engines' keys: a pipe is the place for it."""
    told = {kind: [_told(endpoint) for endpoint in chains[kind]] for kind in ENGINE_KINDS}
    return _Line.model_validate(told).model_dump_json().encode() + b"\n"


def read_line(line: bytes) -> dict[EngineKind, tuple[EngineEndpoint, ...]]:
    """What `write_line` wrote. Raises `InvalidRequestError`, which shows nothing of the line."""
    try:
        told = _Line.model_validate_json(line)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in fault["loc"]) or "the line"
        raise InvalidRequestError(f"{where} of the engines: {fault['msg']}") from None
    return {kind: tuple(_endpoint(kind, one) for one in getattr(told, kind)) for kind in ENGINE_KINDS}


def _told(endpoint: EngineEndpoint) -> _Engine:
    return _Engine(
        url=endpoint.url,
        api_key=endpoint.api_key,
        model=endpoint.model,
        is_local=endpoint.is_local,
        deadline=endpoint.deadline,
    )


def _endpoint(kind: EngineKind, told: _Engine) -> EngineEndpoint:
    return EngineEndpoint(kind, told.url, told.api_key, told.model, told.is_local, told.deadline)
