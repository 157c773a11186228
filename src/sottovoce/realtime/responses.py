"""Which response is active: one at a time, asked for by the client or begun by the session."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias

from sottovoce.audio.playout import PlayoutFrame
from sottovoce.conversation import events as told
from sottovoce.errors import InvalidRequestError
from sottovoce.ids import NewId
from sottovoce.realtime import requests
from sottovoce.realtime.commands import Interrupt, Respond
from sottovoce.realtime.events import client
from sottovoce.realtime.events.base import ServerEvent
from sottovoce.realtime.events.session import ErrorEvent
from sottovoce.realtime.items import Items
from sottovoce.realtime.response import Response, Transport

logger = logging.getLogger(__name__)

MAX_WAITING_TRUNCATES = 8
"""Truncations of a reply that is still being given; later ones replace the oldest."""

Begin: TypeAlias = Callable[[str, str, dict[str, str] | None], Response]
"""Makes a response of its id, its item's id and its metadata."""


@dataclass(slots=True)
class _Asked:
    """A response the client asked for, until the session begins it."""

    command: Respond
    is_cancelled: bool = False


class Responses:
    """Every response that is begun ends exactly once; events of any other are dropped."""

    def __init__(self, items: Items, begin: Begin, transport: Transport, new_id: NewId) -> None:
        self._items = items
        self._begin = begin
        self._is_webrtc = transport == "webrtc"
        self._new_id = new_id
        self._active: Response | None = None
        self._asked: _Asked | None = None
        self._truncates: list[client.ItemTruncate] = []

    @property
    def is_active(self) -> bool:
        return self._active is not None

    # -- what the client asks

    def create(self, event: client.ResponseCreate) -> Respond:
        if self._active is not None:
            raise InvalidRequestError(
                "The conversation already has an active response; "
                "wait for its `response.done` or send `response.cancel`.",
                code="conversation_already_has_active_response",
            )
        asked = event.response or client.ResponseParams()
        return Respond(self._new_id("resp"), asked.instructions, asked.metadata, event_id=event.event_id)

    def asked(self, command: Respond) -> None:
        """The session has taken `command`."""
        self._asked = _Asked(command)

    def cancel(self, event: client.ResponseCancel) -> list[Interrupt]:
        is_other = event.response_id not in (None, self._current_id)
        if self._current_id is None or is_other:
            raise InvalidRequestError(
                "Cancellation failed: no active response found.",
                param="response_id" if is_other else None,
                code="response_cancel_not_active",
            )
        return self._interrupt(event.event_id)

    def clear_output(self, event: client.OutputClear) -> list[Interrupt]:
        """Stop what plays; with nothing to stop there is nothing to say."""
        if not self._is_webrtc:
            raise InvalidRequestError(
                "Over a WebSocket the client holds the output audio: "
                "drop it there and send `response.cancel`.",
                param="type",
            )
        return self._interrupt(event.event_id) if self._active is not None else []

    def truncate(self, event: client.ItemTruncate) -> list[ServerEvent]:
        """Answered at once for a reply that has ended, at its end for one that is being given."""
        entry = requests.truncatable(event, self._items)
        if entry.audio_ms is not None:
            return [requests.truncated(event, entry)]
        self._truncates = [*self._truncates, event][-MAX_WAITING_TRUNCATES:]
        return []

    @property
    def _current_id(self) -> str | None:
        if self._active is not None:
            return self._active.id
        return self._asked.command.response_id if self._asked is not None else None

    def _interrupt(self, event_id: str | None) -> list[Interrupt]:
        if self._active is None:
            assert self._asked is not None
            self._asked.is_cancelled = True
            return []
        was_cancelled, self._active.is_cancelled = self._active.is_cancelled, True
        return [] if was_cancelled else [Interrupt(event_id=event_id)]

    # -- what the session tells

    def started(self, event: told.ReplyStarted) -> list[ServerEvent | Interrupt]:
        if self._active is not None and self._active.id == event.response_id:
            return []
        overtaken = self._abandon() if self._active is not None else []
        asked = self._take(event.response_id)
        metadata = asked.command.metadata if asked else None
        self._active = self._begin(event.response_id, event.item_id, metadata)
        interrupts = self._interrupt(None) if asked and asked.is_cancelled else []
        return [*overtaken, *self._active.created(), *interrupts]

    def text(self, event: told.ReplyText) -> list[ServerEvent]:
        active = self._known(event.response_id)
        return active.text(event.delta) if active else []

    def playing(self, event: told.ReplyPlaying) -> list[ServerEvent]:
        active = self._known(event.response_id)
        return active.playing() if active else []

    def audio(self, frames: Sequence[PlayoutFrame]) -> list[ServerEvent]:
        """One delta for the frames of one response; over WebRTC they are on the track already."""
        if self._is_webrtc:
            return []
        events: list[ServerEvent] = []
        for response_id, group in groupby(frames, key=lambda frame: frame.response_id):
            active = self._known(response_id)
            events += active.sound(b"".join(frame.samples for frame in group)) if active else []
        return events

    def finished(self, event: told.ReplyFinished) -> list[ServerEvent]:
        active = self._known(event.response_id)
        if active is None:
            return []
        self._active = None
        return [*active.finished(event), *self._truncated()]

    def _abandon(self) -> list[ServerEvent]:
        """A reply began before its predecessor was told to have ended: end that one here."""
        active = self._active
        assert active is not None
        logger.warning("a reply began while another was active")
        return self.finished(told.ReplyFinished(active.id, active.item_id, "cancelled", "turn_detected"))

    def _truncated(self) -> list[ServerEvent]:
        waiting, self._truncates = self._truncates, []
        events: list[ServerEvent] = []
        for event in waiting:
            try:
                events += self.truncate(event)
            except InvalidRequestError as error:
                events.append(ErrorEvent.of(error, event.event_id))
        return events

    def _take(self, response_id: str) -> _Asked | None:
        asked = self._asked
        if asked is None or asked.command.response_id != response_id:
            return None
        self._asked = None
        return asked

    def _known(self, response_id: str) -> Response | None:
        if self._active is not None and self._active.id == response_id:
            return self._active
        logger.debug("an event of a response that is not active was dropped")
        return None
