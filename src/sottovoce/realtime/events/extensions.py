"""Sottovoce's own events, sent only to clients that asked with `?extensions=sottovoce`, and in rooms."""

from __future__ import annotations

from typing import Literal

from sottovoce.realtime.events.base import ServerEvent, Wire


class SessionStateChanged(ServerEvent):
    type: Literal["sottovoce.session.state"] = "sottovoce.session.state"
    state: Literal["idle", "listening", "thinking", "speaking"]


class LatencyLegs(Wire):
    """Milliseconds; null where a leg is not known."""

    voice_to_voice: float | None
    vad: float | None
    stt_final: float | None
    end_of_turn: float | None
    llm_first_token: float | None
    tts_first_audio: float | None
    delivery: float | None


class EnginesUsed(Wire):
    """The models that a turn went through; null where it did not, as a typed one through a recogniser.

    Where several did parts of it one after the other, the last.
    """

    stt: str | None
    llm: str | None
    tts: str | None


class Fallback(Wire):
    """A model was used `instead_of` the preferred one, for a `reason` that people can read, where known.

    `is_coming`: nothing is wrong, the preferred one is loaded for the first time.
    """

    engine: Literal["stt", "llm", "tts"]
    model: str
    instead_of: str
    reason: str | None
    is_coming: bool


class TurnMetrics(ServerEvent):
    type: Literal["sottovoce.turn.metrics"] = "sottovoce.turn.metrics"
    item_id: str
    response_id: str
    latency_ms: LatencyLegs
    engines: EnginesUsed
    fallbacks: list[Fallback]


class ResponseEngines(ServerEvent):
    """Just before `response.done`: all that the response went through, unless `turn.metrics` has said so."""

    type: Literal["sottovoce.response.engines"] = "sottovoce.response.engines"
    response_id: str
    item_id: str
    engines: EnginesUsed
    fallbacks: list[Fallback]


class ServerToolCalled(ServerEvent):
    type: Literal["sottovoce.tool.called"] = "sottovoce.tool.called"
    call_id: str
    name: str
    arguments: str
    output: str
    is_error: bool


class ResponseHeard(ServerEvent):
    """Just before `response.done` of an interrupted response: what was heard of it and what was not."""

    type: Literal["sottovoce.response.heard"] = "sottovoce.response.heard"
    response_id: str
    item_id: str
    heard: str
    unheard: str


class EngineHasFailed(ServerEvent):
    type: Literal["sottovoce.engine.failed"] = "sottovoce.engine.failed"
    engine: Literal["stt", "llm", "tts"]
    message: str
    is_spoken: bool


class RoomSpeaker(ServerEvent):
    """Whose microphone is heard in a room; null where nobody's is."""

    type: Literal["sottovoce.room.speaker"] = "sottovoce.room.speaker"
    participant_identity: str | None
    is_you: bool


class RoomKeyPressed(ServerEvent):
    """Somebody in a room pressed a key of a telephone."""

    type: Literal["sottovoce.room.key"] = "sottovoce.room.key"
    participant_identity: str
    digit: str


class SessionEnded(ServerEvent):
    """The last event to a client in a room, where no connection is closed with a `code` and a reason."""

    type: Literal["sottovoce.session.ended"] = "sottovoce.session.ended"
    code: int
    reason: str
