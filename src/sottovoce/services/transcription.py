"""A transcription session: OpenAI's realtime events in and out, speech to a recogniser, no sockets."""

from __future__ import annotations

import time
from collections.abc import Callable

from pydantic import ValidationError

from sottovoce.engines.stt.base import SAMPLE_RATE_HZ, Transcriber
from sottovoce.engines.stt.endpointing import (
    Endpointer,
    EndpointingOptions,
    Speech,
    SpeechStarted,
    SpeechStopped,
)
from sottovoce.errors import EngineError, InvalidRequestError, LimitExceededError, SottovoceError
from sottovoce.http.errors import invalid_request
from sottovoce.ids import random_id
from sottovoce.services import transcription_events as events
from sottovoce.services.languages import check_language
from sottovoce.services.utterance import Utterance

MAX_BAD_EVENTS = 20
"""Wrong events in a row after which a client is taken for broken, and its connection closed."""
MIN_COMMIT = 0.1
"""Seconds: OpenAI's own least length of a committed buffer."""
SESSION_LIFETIME = 24 * 3600
"""Seconds that `expires_at` promises; nothing ends then, the field is required."""


class TooManyBadEventsError(SottovoceError):
    """The connection ought to be closed with 1008."""


class TranscriptionSession:
    """Give it every message with `receive`, in order; `send` gets the answers at once. Close it in the
    end."""

    def __init__(self, transcriber: Transcriber, send: Callable[[events.ServerEvent], None]) -> None:
        self._send = send
        self._transcriber = transcriber
        self._utterance = Utterance(transcriber, self._grew)
        self._id = random_id("sess")
        self._expires_at = int(time.time()) + SESSION_LIFETIME
        self._config = events.SessionConfig(type="transcription")
        self._ears = _Ears(self._config.audio.input)
        self._item_id = random_id("item")
        self._previous_item_id: str | None = None
        self._bad_events = 0

    async def open(self) -> None:
        """Raises `LimitExceededError` or `EngineError` if there is no recogniser."""
        await self._utterance.open()
        self._announce("session.created")

    async def aclose(self) -> None:
        await self._utterance.aclose()

    async def receive(self, message: str) -> None:
        """Never raises for what a client sends, except `TooManyBadEventsError` for too much of it."""
        try:
            event = events.parse(message)
        except ValidationError as error:
            self._refuse(invalid_request(error), events.event_id_of(message))
            return
        try:
            await self._handle(event)
        except InvalidRequestError as error:
            self._refuse(error, event.event_id)
        except (EngineError, LimitExceededError) as error:
            self._send(events.error(error, event.event_id))
        else:
            self._bad_events = 0

    def _refuse(self, fault: InvalidRequestError, event_id: str | None) -> None:
        self._send(events.error(fault, event_id))
        self._bad_events += 1
        if self._bad_events >= MAX_BAD_EVENTS:
            raise TooManyBadEventsError(f"{MAX_BAD_EVENTS} events in a row were wrong.")

    async def _handle(self, event: events.ClientEvent) -> None:
        match event:
            case events.SessionUpdate():
                await self._update(event.session)
            case events.Append():
                await self._hear(event.audio)
            case events.Commit():
                await self._commit()
            case events.Clear():
                await self._clear()

    async def _update(self, update: events.SessionConfig) -> None:
        config = self._config.merged(update)
        language = self._language(config.audio.input.transcription)
        await self._utterance.hear_in(language)
        before, now = self._config.audio.input, config.audio.input
        self._config = config
        if (before.format, before.turn_detection) != (now.format, now.turn_detection):
            self._ears = _Ears(now)
        self._announce("session.updated")

    def _language(self, transcription: events.Transcription | None) -> str:
        """The recogniser's own tag of it. Raises `InvalidRequestError`."""
        language = (transcription.language if transcription else None) or ""
        return check_language(
            language, self._transcriber.languages, "session.audio.input.transcription.language"
        )

    def _announce(self, kind: str) -> None:
        self._send(events.session(kind, self._id, self._expires_at, self._config))

    async def _hear(self, audio: bytes) -> None:
        for happening in self._ears.hear(audio):
            match happening:
                case SpeechStarted(audio_ms):
                    self._say("speech_started", audio_start_ms=audio_ms, item_id=self._item_id)
                case Speech(pcm):
                    await self._utterance.push(pcm)
                case SpeechStopped(audio_ms):
                    self._say("speech_stopped", audio_end_ms=audio_ms, item_id=self._item_id)
                    await self._finish()

    async def _commit(self) -> None:
        await self._push_rest()
        duration = self._utterance.duration
        if duration < MIN_COMMIT:
            await self._utterance.clear()
            raise InvalidRequestError(
                f"The buffer holds {duration * 1000:.0f} ms of audio; "
                f"a commit needs {MIN_COMMIT * 1000:.0f} ms.",
                code="input_audio_buffer_commit_empty",
            )
        self._ears.reset()
        await self._finish()

    async def _push_rest(self) -> None:
        if rest := self._ears.flush():
            await self._utterance.push(rest)

    async def _clear(self) -> None:
        self._ears.reset()
        await self._utterance.clear()
        self._item_id = random_id("item")
        self._say("cleared")

    async def _finish(self) -> None:
        """Commit the utterance. Its events go out while the recogniser finds the last words."""
        item_id, previous = self._item_id, self._previous_item_id
        self._item_id, self._previous_item_id = random_id("item"), item_id
        duration = self._utterance.duration
        self._say("committed", previous_item_id=previous, item_id=item_id)
        self._send(events.item("conversation.item.added", item_id, previous))
        self._send(events.item("conversation.item.done", item_id, previous))
        try:
            transcript = await self._utterance.finish()
        except (EngineError, LimitExceededError) as error:
            self._send(events.failed(item_id, error))
        else:
            self._send(events.completed(item_id, transcript, duration))

    def _grew(self, text: str) -> None:
        self._send(events.delta(self._item_id, text))

    def _say(self, what: str, **fields: object) -> None:
        self._send(events.event(f"input_audio_buffer.{what}", **fields))


class _Ears:
    """From the client's audio to the recogniser's: its rate, and speech only where the server detects
    turns."""

    def __init__(self, options: events.AudioInput) -> None:
        self._is_direct = options.format.rate == SAMPLE_RATE_HZ
        if not self._is_direct:
            from sottovoce.audio.resample import Resampler  # with NumPy, which our own client needs not

            self._resampler = Resampler(options.format.rate, SAMPLE_RATE_HZ)
        self._endpointer: Endpointer | None = None
        if (vad := options.turn_detection) is not None:
            self._endpointer = Endpointer(
                EndpointingOptions(vad.threshold, vad.prefix_padding_ms, vad.silence_duration_ms)
            )

    def hear(self, audio: bytes) -> list[SpeechStarted | Speech | SpeechStopped]:
        pcm = audio if self._is_direct else self._resampler.push(audio)
        return self._endpointer.push(pcm) if self._endpointer else [Speech(pcm)]

    def flush(self) -> bytes:
        """What conversion holds back of the utterance, 1 ms or so; speech that is no longer detected has
        none."""
        if self._is_direct or (self._endpointer and not self._endpointer.is_speaking):
            return b""
        return self._resampler.flush()

    def reset(self) -> None:
        if not self._is_direct:
            self._resampler.flush()
        if self._endpointer:
            self._endpointer.reset()
