"""Session events that only Sottovoce's own clients are told of."""

from __future__ import annotations

from dataclasses import asdict
from typing import TypeAlias

from sottovoce.conversation import events as told
from sottovoce.realtime.events import extensions as wire
from sottovoce.realtime.events.base import ServerEvent

Extension: TypeAlias = told.StateChanged | told.TurnMeasured | told.ToolCalled | told.EngineFailed


def to_wire(event: Extension) -> ServerEvent:
    match event:
        case told.StateChanged():
            return wire.SessionStateChanged(state=event.state)
        case told.TurnMeasured():
            legs = wire.LatencyLegs(**asdict(event.latency))
            return wire.TurnMetrics(item_id=event.item_id, response_id=event.response_id, latency_ms=legs)
        case told.ToolCalled():
            return wire.ServerToolCalled(**asdict(event))
        case told.EngineFailed():
            return wire.EngineHasFailed(**asdict(event))
