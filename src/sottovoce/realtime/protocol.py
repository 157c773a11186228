"""The Realtime protocol without I/O: messages and session events in, server events and commands out.

A shell owns the transport: it feeds `receive` with the client's messages, `apply` with the session's events
and `audio` with what it pulled from the playout, performs the commands (see `Connection`) and sends the
events in the order given. Nothing here waits, and nothing that a client or a session says makes it raise.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from sottovoce.audio.playout import PlayoutFrame
from sottovoce.conversation import events as told
from sottovoce.conversation.options import SessionOptions
from sottovoce.errors import InvalidRequestError, SottovoceError
from sottovoce.ids import NewId, random_id
from sottovoce.realtime import commands, extensions, requests, session_config
from sottovoce.realtime.audio_config import DEFAULT_MODEL, OPENAI_VOICES, Audio
from sottovoce.realtime.commands import Close, Command
from sottovoce.realtime.events import client
from sottovoce.realtime.events.audio import InputCleared
from sottovoce.realtime.events.base import ServerEvent
from sottovoce.realtime.events.session import ErrorEvent, SessionCreated, SessionUpdated
from sottovoce.realtime.input_audio import InputAudio
from sottovoce.realtime.items import Items
from sottovoce.realtime.patience import Patience
from sottovoce.realtime.response import Response, Transport
from sottovoce.realtime.responses import Responses
from sottovoce.realtime.session_config import AnyConfig, AnySession, SessionConfig, TranscriptionConfig
from sottovoce.realtime.turns import UserTurns

MAX_MESSAGE_BYTES: Final = 1 << 20
"""One client message; a larger one ends the connection with 1009. Holds 16 s of audio."""

Step: TypeAlias = ServerEvent | Command | Close


@dataclass(frozen=True, slots=True)
class ProtocolOptions:
    """`model` is the name the client asked for; `voices` are the names that a client may choose;
    `session` is laid over the server's defaults before the client is told anything."""

    model: str = DEFAULT_MODEL
    transport: Transport = "websocket"
    has_extensions: bool = False
    voices: frozenset[str] = OPENAI_VOICES
    session: AnyConfig | None = None


class RealtimeProtocol:
    """One connection. `defaults` are the session's options before the client changes them."""

    def __init__(
        self,
        session_id: str,
        defaults: SessionOptions,
        options: ProtocolOptions | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        new_id: NewId = random_id,
    ) -> None:
        self._session_id = session_id
        self._defaults = defaults
        self._options = options or ProtocolOptions()
        self._new_id = new_id
        self._conversation_id = new_id("conv")
        self._config = session_config.effective(self._options.session, defaults, self._options.model)
        self._items = Items()
        self._input = InputAudio(clock)
        self._turns = UserTurns(self._items)
        self._responses = Responses(self._items, self._begin, self._options.transport, new_id)
        self._patience = Patience()

    @property
    def is_responding(self) -> bool:
        """A response is active: the playout has sound to give, or will have."""
        return self._responses.is_active

    def opened(self) -> list[ServerEvent]:
        """What the client is told first."""
        return [SessionCreated(session=self._session)]

    # -- from the client

    def receive(self, message: str | bytes, patience: Patience | None = None) -> list[Step]:
        """The answer to one message; a faulty one costs an `error` event.

        `patience` is that with its sender, where there are several.
        """
        patience = patience or self._patience
        if len(message) > MAX_MESSAGE_BYTES:
            return [Close(1009, f"A message may have {MAX_MESSAGE_BYTES} bytes.")]
        try:
            event = client.parse(message)
        except InvalidRequestError as error:
            answer = ErrorEvent.of(error, client.event_id_of(message))
            ending = patience.try_()
            return [answer] if ending is None else [answer, ending]
        patience.restore()
        try:
            return list(self._answer(event))
        except InvalidRequestError as error:
            return [ErrorEvent.of(error, event.event_id)]

    def _answer(self, event: client.AnyClientEvent) -> Sequence[Step]:
        match event:
            case client.InputAppend():
                return self._heard(event)
            case client.InputCommit():
                return [commands.CommitInput(event_id=event.event_id)]
            case client.InputClear():
                return [commands.ClearInput(event_id=event.event_id)]
            case client.SessionUpdate():
                return [self._updated(event)]
            case client.ItemCreate():
                return [requests.create(event, self._items, self._new_id)]
            case client.ItemRetrieve():
                return [requests.retrieve(event, self._items)]
            case client.ItemDelete():
                return requests.delete(event, self._items)
            case client.ItemTruncate():
                return self._responses.truncate(event)
            case client.ResponseCreate():
                return [self._responses.create(event)]
            case client.ResponseCancel():
                return self._responses.cancel(event)
            case client.OutputClear():
                return self._responses.clear_output(event)

    def _heard(self, event: client.InputAppend) -> list[Command]:
        if self._options.transport == "webrtc":
            raise InvalidRequestError(
                "The audio of a WebRTC call comes on its track, not in events.", code="unsupported_operation"
            )
        is_manual = self._config.audio.input.turn_detection is None
        frame = self._input.append(event.audio, is_manual=is_manual)
        return [] if frame is None else [commands.PushAudio(frame, event_id=event.event_id)]

    def _updated(self, event: client.SessionUpdate) -> Command:
        config = self._changed(event.session)
        session_config.check_voice(config, self._options.voices, self._defaults.voice)
        options = session_config.to_options(config, self._defaults)
        return commands.UpdateOptions(options, config, event_id=event.event_id)

    def _changed(self, update: AnyConfig) -> AnyConfig:
        """A session may become one that only listens, as long as nothing was said in it."""
        if type(update) is type(self._config):
            return session_config.laid_over(self._config, update)
        if not isinstance(update, TranscriptionConfig) or self._items.last_id or self.is_responding:
            raise InvalidRequestError(
                f"A session of type '{self._config.type}' cannot become one of type '{update.type}' now.",
                param="session.type",
            )
        return session_config.effective(update, self._defaults, self._options.model)

    # -- from whoever performed a command

    def performed(self, command: Command) -> list[ServerEvent]:
        """The session has taken `command`: what the client is told of it."""
        match command:
            case commands.UpdateOptions():
                return self._reconfigured(command.config)
            case commands.AddMessage():
                return requests.created(command, self._items)
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

    def _reconfigured(self, config: AnyConfig) -> list[ServerEvent]:
        self._config = config
        self._turns.is_transcribed = config.audio.input.transcription is not None
        return [SessionUpdated(session=self._session)]

    # -- from the session

    def apply(self, event: told.SessionEvent) -> Sequence[ServerEvent | Command]:
        """What the client is told of `event`, and what it leads to."""
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
            case told.ReplyStarted():
                return self._responses.started(event)
            case told.ReplyText():
                return self._responses.text(event)
            case told.ReplyPlaying():
                return self._responses.playing(event)
            case told.ReplyFinished():
                return self._responses.finished(event)
            case _:
                return [extensions.to_wire(event)] if self._options.has_extensions else []

    def audio(self, frames: Sequence[PlayoutFrame]) -> list[ServerEvent]:
        """The deltas that carry `frames`, which were pulled from the playout and are sent now."""
        return self._responses.audio(frames)

    # -- its own

    @property
    def _session(self) -> AnySession:
        return session_config.session_object(self._config, self._session_id)

    def _begin(self, response_id: str, item_id: str, metadata: dict[str, str] | None) -> Response:
        return Response(
            response_id,
            item_id,
            self._items,
            conversation_id=self._conversation_id,
            audio=self._config.audio if isinstance(self._config, SessionConfig) else Audio(),
            metadata=metadata,
            transport=self._options.transport,
            has_extensions=self._options.has_extensions,
        )
