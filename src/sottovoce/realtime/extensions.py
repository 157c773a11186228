"""Session events that only Sottovoce's own clients are told of."""

from __future__ import annotations

from dataclasses import asdict
from typing import TypeAlias

from sottovoce.config import ENGINE_KINDS
from sottovoce.conversation import events as told
from sottovoce.realtime.events import extensions as wire
from sottovoce.realtime.events.base import ServerEvent

Extension: TypeAlias = told.StateChanged | told.TurnMeasured | told.ToolCalled | told.EngineFailed


def to_wire(event: Extension) -> ServerEvent:
    match event:
        case told.StateChanged():
            return wire.SessionStateChanged(state=event.state)
        case told.TurnMeasured():
            return _metrics(event)
        case told.ToolCalled():
            return wire.ServerToolCalled(**asdict(event))
        case told.EngineFailed():
            return wire.EngineHasFailed(**asdict(event))


def _metrics(event: told.TurnMeasured) -> wire.TurnMetrics:
    models = {kind: event.engines[kind].model if kind in event.engines else None for kind in ENGINE_KINDS}
    fallbacks = [
        wire.Fallback(engine=kind, model=used.model, instead_of=used.instead_of, reason=used.reason)
        for kind, used in event.engines.items()
        if used.instead_of is not None
    ]
    return wire.TurnMetrics(
        item_id=event.item_id,
        response_id=event.response_id,
        latency_ms=wire.LatencyLegs(**asdict(event.latency)),
        engines=wire.EnginesUsed(**models),
        fallbacks=fallbacks,
    )
