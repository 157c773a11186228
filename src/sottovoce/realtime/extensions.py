"""Session events that only Sottovoce's own clients are told of."""

from __future__ import annotations

from dataclasses import asdict
from typing import TypeAlias

from sottovoce.config import ENGINE_KINDS
from sottovoce.conversation import events as told
from sottovoce.conversation.engines import Uses
from sottovoce.realtime.events import extensions as wire
from sottovoce.realtime.events.base import ServerEvent

Extension: TypeAlias = (
    told.StateChanged | told.TurnMeasured | told.ReplyServed | told.ToolCalled | told.EngineFailed
)


def to_wire(event: Extension) -> ServerEvent:
    match event:
        case told.StateChanged():
            return wire.SessionStateChanged(state=event.state)
        case told.TurnMeasured():
            return wire.TurnMetrics(
                item_id=event.item_id,
                response_id=event.response_id,
                latency_ms=wire.LatencyLegs(**asdict(event.latency)),
                engines=_last(event.engines),
                fallbacks=_fallbacks(event.engines),
            )
        case told.ReplyServed():
            return wire.ResponseEngines(
                response_id=event.response_id,
                item_id=event.item_id,
                engines=_last(event.engines),
                fallbacks=_fallbacks(event.engines),
            )
        case told.ToolCalled():
            return wire.ServerToolCalled(**asdict(event))
        case told.EngineFailed():
            return wire.EngineHasFailed(**asdict(event))


def _last(uses: Uses) -> wire.EnginesUsed:
    models = {kind: uses[kind][-1].model if uses.get(kind) else None for kind in ENGINE_KINDS}
    return wire.EnginesUsed(**models)


def _fallbacks(uses: Uses) -> list[wire.Fallback]:
    return [
        wire.Fallback(
            engine=kind,
            model=used.model,
            instead_of=used.instead_of,
            reason=used.reason,
            is_coming=used.is_coming,
        )
        for kind in ENGINE_KINDS
        for used in uses.get(kind, ())
        if used.instead_of is not None
    ]
