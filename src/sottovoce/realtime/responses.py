"""Which responses are active: one in the conversation, and a few beside it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, TypeAlias

from sottovoce.audio.playout import PlayoutFrame
from sottovoce.conversation import events as told
from sottovoce.errors import InvalidRequestError
from sottovoce.realtime.commands import Command, DeleteItem, Interrupt, Respond
from sottovoce.realtime.events import client
from sottovoce.realtime.events.base import ServerEvent
from sottovoce.realtime.requests import Unsettled
from sottovoce.realtime.response import Response

logger = logging.getLogger(__name__)

MAX_BESIDE: Final = 4
"""Responses beside the conversation at once: each keeps a language model busy, and maybe a voice."""

Begin: TypeAlias = Callable[[told.ReplyStarted, client.ResponseParams], Response]
"""Makes a response of what the session began and what the client had set for it."""
Steps: TypeAlias = list[ServerEvent | Command]


@dataclass(slots=True)
class _Asked:
    """A response the client asked for, until the session begins it."""

    command: Respond
    is_cancelled: bool = False

    @property
    def id(self) -> str:
        return self.command.response_id

    @property
    def is_in_conversation(self) -> bool:
        return self.command.options.is_in_conversation


class Responses:
    """Every response that is begun ends exactly once; events of any other are dropped."""

    def __init__(self, begin: Begin, *, is_webrtc: bool) -> None:
        self._begin = begin
        self._is_webrtc = is_webrtc
        self._active: dict[str, Response] = {}
        self._asked: dict[str, _Asked] = {}

    @property
    def is_active(self) -> bool:
        return bool(self._active)

    @property
    def is_expected(self) -> bool:
        """A response is active or was asked for."""
        return bool(self._active or self._asked)

    def is_beside(self, response_id: str) -> bool:
        response = self._active.get(response_id)
        return response is not None and not response.is_in_conversation

    # -- what the client asks

    def make_way(self, *, is_in_conversation: bool) -> None:
        """See that another response may be asked for.

        Raises `InvalidRequestError` where it may not, `Unsettled` while one that was cancelled is ending.
        """
        if not is_in_conversation:
            return self._make_way_beside()
        current = self._current()
        if current is not None and current.is_cancelled:
            raise Unsettled
        if current is not None:
            raise InvalidRequestError(
                "The conversation already has an active response; "
                "wait for its `response.done` or send `response.cancel`.",
                code="conversation_already_has_active_response",
            )

    def _make_way_beside(self) -> None:
        known: list[Response | _Asked] = [*self._active.values(), *self._asked.values()]
        if sum(not response.is_in_conversation for response in known) >= MAX_BESIDE:
            raise InvalidRequestError(
                f"{MAX_BESIDE} responses beside the conversation are active, as many as there may be.",
                code="too_many_active_responses",
            )

    def asked(self, command: Respond) -> None:
        """The session has taken `command`."""
        self._asked[command.response_id] = _Asked(command)

    def cancel(self, event: client.ResponseCancel) -> list[Interrupt]:
        found = self._current() if event.response_id is None else self._find(event.response_id)
        if found is None:
            raise InvalidRequestError(
                "Cancellation failed: no active response found.",
                param=None if event.response_id is None else "response_id",
                code="response_cancel_not_active",
            )
        return self._interrupt(found, event.event_id)

    def clear_output(self, event: client.OutputClear) -> list[Interrupt]:
        """Stop what plays; with nothing to stop there is nothing to say."""
        if not self._is_webrtc:
            raise InvalidRequestError(
                "Over a WebSocket the client holds the output audio: "
                "drop it there and send `response.cancel`.",
                param="type",
            )
        current = self._current()
        return self._interrupt(current, event.event_id) if isinstance(current, Response) else []

    def _current(self) -> Response | _Asked | None:
        """The conversation's response, begun or only asked for."""
        known: list[Response | _Asked] = [*self._active.values(), *self._asked.values()]
        return next((response for response in known if response.is_in_conversation), None)

    def _find(self, response_id: str) -> Response | _Asked | None:
        return self._active.get(response_id) or self._asked.get(response_id)

    def _interrupt(self, response: Response | _Asked, event_id: str | None = None) -> list[Interrupt]:
        """Once; by its id, for the session may have gone on to another one."""
        was_cancelled, response.is_cancelled = response.is_cancelled, True
        return [] if was_cancelled else [Interrupt(response.id, event_id=event_id)]

    # -- what the session tells

    def started(self, event: told.ReplyStarted) -> Steps:
        if event.response_id in self._active:
            return []
        asked = self._asked.pop(event.response_id, None)
        params = asked.command.params if asked else client.ResponseParams()
        response = self._begin(event, params)
        overtaken = self._abandon() if response.is_in_conversation else []
        self._active[response.id] = response
        interrupts = self._interrupt(response) if asked and asked.is_cancelled else []
        return [*overtaken, response.created(), *interrupts]

    def text(self, event: told.ReplyText) -> Steps:
        response = self._known(event.response_id)
        return [*response.text(event.delta)] if response else []

    def playing(self, event: told.ReplyPlaying) -> Steps:
        response = self._known(event.response_id)
        return [*response.playing()] if response else []

    def called(self, event: told.FunctionCalled) -> Steps:
        """A call by a response that the client has cancelled is forgotten on both sides."""
        response = self._known(event.response_id)
        if response is None:
            return []
        if response.is_cancelled:
            return [DeleteItem(event.item_id, (event.item_id,))] if response.is_in_conversation else []
        return [*response.called(event)]

    def audio(self, frames: Sequence[PlayoutFrame]) -> list[ServerEvent]:
        """One delta for the frames of one response; over WebRTC they are on the track already."""
        if self._is_webrtc:
            return []
        events: list[ServerEvent] = []
        for response_id, group in groupby(frames, key=lambda frame: frame.response_id):
            response = self._known(response_id)
            events += response.sound(b"".join(frame.samples for frame in group)) if response else []
        return events

    def finished(self, event: told.ReplyFinished) -> Steps:
        response = self._active.pop(event.response_id, None)
        return [*response.finished(event)] if response else []

    def _abandon(self) -> Steps:
        """A reply began before its predecessor was told to have ended: end that one here."""
        active = next((each for each in self._active.values() if each.is_in_conversation), None)
        if active is None:
            return []
        logger.warning("a reply began while another was active")
        item_id = active.traits.item_id
        return self.finished(told.ReplyFinished(active.id, item_id, "cancelled", "turn_detected"))

    def _known(self, response_id: str) -> Response | None:
        response = self._active.get(response_id)
        if response is None:
            logger.debug("an event of a response that is not active was dropped")
        return response
