"""Sessions whose turns are measured on their way to the client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, cast

from sottovoce.conversation.events import SessionEvent, TurnMeasured
from sottovoce.conversation.options import SessionOptions
from sottovoce.conversation.port import SessionPort
from sottovoce.realtime.opening import SessionFactory


def measured(make: SessionFactory, on_turn: Callable[[TurnMeasured], None]) -> SessionFactory:
    """Makes what `make` does, and tells `on_turn` of each turn that the session has measured."""

    def make_session(options: SessionOptions) -> SessionPort:
        return cast("SessionPort", _Measured(make(options), on_turn))

    return make_session


class _Measured:
    """Everything of the session's own, but that somebody else sees its events too."""

    def __init__(self, session: SessionPort, on_turn: Callable[[TurnMeasured], None]) -> None:
        self._session, self._on_turn = session, on_turn

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    async def events(self) -> AsyncIterator[SessionEvent]:
        async for event in self._session.events():
            if isinstance(event, TurnMeasured):
                self._on_turn(event)
            yield event
