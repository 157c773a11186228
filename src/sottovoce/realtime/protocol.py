"""The Realtime protocol without I/O: messages and session events in, server events and commands out.

A shell owns the transport: it feeds `receive` with the client's messages, `apply` with the session's events
and `audio` with what it pulled from the playout, performs the commands (see `Connection`) and sends the
events in the order given. Nothing here waits, and nothing that a client or a session says makes it raise.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from sottovoce.audio.playout import PlayoutFrame
from sottovoce.conversation import events as told
from sottovoce.conversation.options import SessionOptions
from sottovoce.errors import InvalidRequestError, SottovoceError
from sottovoce.ids import NewId, random_id
from sottovoce.realtime import commands, extensions, reply_requests, requests
from sottovoce.realtime.commands import Close, Command
from sottovoce.realtime.configuration import Configuration, ProtocolOptions
from sottovoce.realtime.deferred import Deferred
from sottovoce.realtime.events import client
from sottovoce.realtime.events.audio import InputCleared
from sottovoce.realtime.events.base import ServerEvent
from sottovoce.realtime.events.session import ErrorEvent, SessionCreated, SessionUpdated
from sottovoce.realtime.input_audio import InputAudio
from sottovoce.realtime.items import Items
from sottovoce.realtime.patience import Patience
from sottovoce.realtime.reading import MAX_MESSAGE_BYTES, Reading, read
from sottovoce.realtime.response import Response
from sottovoce.realtime.responses import Responses
from sottovoce.realtime.turns import UserTurns

__all__ = ["MAX_MESSAGE_BYTES", "ProtocolOptions", "Reading", "RealtimeProtocol", "Step", "read"]

SETTLING: Final = (told.ReplyFinished, told.Transcript, told.TranscriptionFailed)
"""After these, what was asked too early may be answered."""

Step: TypeAlias = ServerEvent | Command | Close


class RealtimeProtocol:
    """One conversation's protocol. `defaults` are the session's options before any client changes them."""

    def __init__(
        self,
        session_id: str,
        defaults: SessionOptions,
        options: ProtocolOptions | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        new_id: NewId = random_id,
    ) -> None:
        options = options or ProtocolOptions()
        self._configuration = Configuration(session_id, defaults, options, new_id("conv"))
        self._has_extensions = options.has_extensions
        self._new_id = new_id
        self._items = Items()
        self._input = InputAudio(clock)
        self._turns = UserTurns(self._items)
        self._is_webrtc = options.transport == "webrtc"
        self._responses = Responses(self._begin, is_webrtc=self._is_webrtc)
        self._deferred = Deferred()
        self._patience = Patience()
        self._turns.configure(self._configuration.config.audio.input)

    @property
    def is_responding(self) -> bool:
        """A response is active: the playout has sound to give, or will have."""
        return self._responses.is_active

    def opened(self) -> list[ServerEvent]:
        """What the client is told first."""
        return [SessionCreated(session=self._configuration.shown)]

    def recap(self) -> list[ServerEvent]:
        """The conversation so far, for one who comes to it late: what was told of its items, once more."""
        entries = list(self._items)
        return [event for entry in entries for event in (entry.added(), entry.done())[: 1 + entry.is_settled]]

    def is_beside(self, response_id: str) -> bool:
        """An active response that is no part of the conversation: a client's own business."""
        return self._responses.is_beside(response_id)

    # -- from the client

    def receive(self, message: str | bytes, patience: Patience | None = None) -> Iterator[Step]:
        """The answer to one message; a faulty one costs an `error` event.

        `patience` is that with its sender, where there are several.
        """
        return self.heed(read(message), patience)

    def heed(self, given: Reading, patience: Patience | None = None) -> Iterator[Step]:
        """The answer to what was read of a message."""
        patience = patience or self._patience
        match given:
            case Close():
                yield given
            case client.Unreadable():
                yield ErrorEvent.of(given.error, given.event_id)
                if (ending := patience.try_()) is not None:
                    yield ending
            case _:
                patience.restore()
                yield from self.answer(given)

    def answer(self, event: client.AnyClientEvent) -> Iterator[Step]:
        """What follows from an event that was read. A step is performed before the next one is asked for."""
        try:
            yield from self._answer(event)
        except requests.Unsettled:
            try:
                self._deferred.put(event)
            except InvalidRequestError as error:
                yield ErrorEvent.of(error, event.event_id)
        except InvalidRequestError as error:
            yield ErrorEvent.of(error, event.event_id)

    def _answer(self, event: client.AnyClientEvent) -> Iterable[Step]:
        match event:
            case client.InputAppend():
                return self._heard(event)
            case client.InputCommit():
                return [commands.CommitInput(event_id=event.event_id)]
            case client.InputClear():
                return [commands.ClearInput(event_id=event.event_id)]
            case client.SessionUpdate():
                is_untouched = not (self._items or self._responses.is_expected)
                return [self._configuration.update(event, is_untouched=is_untouched)]
            case client.ItemCreate():
                form = self._configuration.config.audio.input.format
                added = requests.create(event, self._items, self._new_id, form)
                return [*self._surplus(), added]
            case client.ItemRetrieve():
                return [requests.retrieve(event, self._items)]
            case client.ItemDelete():
                return [requests.delete(event, self._items)]
            case client.ItemTruncate():
                return [requests.truncate(event, self._items)]
            case client.ResponseCreate():
                return [self._asked(event)]
            case client.ResponseCancel():
                return self._responses.cancel(event)
            case _:  # client.OutputClear
                return self._responses.clear_output(event)

    def _heard(self, event: client.InputAppend) -> list[Command]:
        if self._is_webrtc:
            raise InvalidRequestError(
                "The audio of a WebRTC call comes on its track, not in events.", code="unsupported_operation"
            )
        heard = self._configuration.config.audio.input
        frame = self._input.append(event.audio, heard.format, is_manual=heard.turn_detection is None)
        return [] if frame is None else [commands.PushAudio(frame, event_id=event.event_id)]

    def _asked(self, event: client.ResponseCreate) -> Command:
        config, voices = self._configuration.for_replies, self._configuration.voices
        asked = reply_requests.respond(event, config, self._items, voices, self._new_id)
        self._responses.make_way(is_in_conversation=asked.options.is_in_conversation)
        return asked

    def _surplus(self) -> list[Command]:
        """What is forgotten to make room for another item."""
        return [requests.forget(entry) for entry in self._items.surplus(self._configuration.kept)]

    # -- from whoever performed a command

    def performed(self, command: Command, outcome: str = "") -> list[ServerEvent]:
        """The session has taken `command` and answered `outcome`: what the client is told of it."""
        match command:
            case commands.UpdateOptions():
                self._configuration.config = command.config
                self._turns.configure(command.config.audio.input)
                return [SessionUpdated(session=self._configuration.shown)]
            case commands.AddItem():
                return requests.created(command, self._items)
            case commands.DeleteItem():
                return requests.deleted(command, self._items)
            case commands.TruncateItem():
                return requests.truncated(command, outcome, self._items)
            case commands.Respond():
                self._responses.asked(command)
            case commands.CommitInput():
                self._turns.ended_by_hand(self._input.use_up())
            case commands.ClearInput():
                self._input.use_up()
                return [InputCleared()]
        return []

    def refused(self, command: Command, error: SottovoceError) -> list[ServerEvent]:
        """The session has refused `command`, and all is as it was."""
        return [ErrorEvent.of(error, command.event_id)]

    # -- from the session

    def apply(self, event: told.SessionEvent) -> Iterator[Step]:
        """What the client is told of `event`, and what it leads to."""
        yield from self._surplus()
        yield from self._told(event)
        if isinstance(event, SETTLING):
            for early in self._deferred.take():
                yield from self.answer(early)

    def _told(self, event: told.SessionEvent) -> Sequence[ServerEvent | Command]:
        match event:
            case told.SpeechStarted():
                return self._turns.started(event)
            case told.SpeechStopped():
                return self._turns.stopped(event)
            case told.TurnCommitted():
                return self._turns.committed(event.item_id)
            case told.Transcript():
                return self._turns.transcribed(event)
            case told.TranscriptionFailed():
                return self._turns.failed(event)
            case told.IdleTimedOut():
                return self._turns.timed_out(event)
            case told.ReplyStarted():
                return [] if self._configuration.is_listening_only else self._responses.started(event)
            case told.ReplyText():
                return self._responses.text(event)
            case told.ReplyPlaying():
                return self._responses.playing(event)
            case told.FunctionCalled():
                return self._responses.called(event)
            case told.ReplyFinished():
                return self._responses.finished(event)
            case _:
                return [extensions.to_wire(event)] if self._has_extensions else []

    def audio(self, frames: Sequence[PlayoutFrame]) -> list[ServerEvent]:
        """The deltas that carry `frames`, which were pulled from the playout and are sent now."""
        return self._responses.audio(frames)

    def _begin(self, event: told.ReplyStarted, params: client.ResponseParams) -> Response:
        return Response(self._configuration.traits(event, params), self._items)
