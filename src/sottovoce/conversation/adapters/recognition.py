"""A live connection to a recogniser: speech goes up in segments, transcripts come back in order.

A segment's audio is kept until its transcript is there, so a connection that breaks, or a service that
is restarted, costs a delay and no words.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections import deque
from collections.abc import Callable
from typing import Literal
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, TypeAdapter
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException

from sottovoce.config import EngineEndpoint
from sottovoce.conversation.adapters.segments import MAX_SEGMENT_BYTES, SAMPLE_RATE_HZ, Hints, Segment
from sottovoce.errors import EngineError, EngineTimeout, EngineUnavailable

logger = logging.getLogger(__name__)

FINAL_DEADLINE = 5.0
"""Seconds to a segment's transcript from its end, or from the transcript before it, if that came later; past
it the turn fails instead of hanging."""
PACE = 1.0
"""Seconds granted on top for each second of a segment that was sent faster than real time: a recogniser
slower than speech is of no use."""
CONNECT_DEADLINE = 3.0
RETRY_DELAYS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
MAX_MESSAGE_BYTES = 1 << 20


class _ServiceEvent(BaseModel):
    """What is read of the service's events; the rest is of no use here."""

    model_config = ConfigDict(extra="ignore")

    type: str
    delta: str = ""
    transcript: str = ""
    error: dict[str, object] | None = None


_EVENT = TypeAdapter(_ServiceEvent)
_ITEM = "conversation.item.input_audio_transcription"


class _Update(BaseModel):
    type: Literal["session.update"] = "session.update"
    session: dict[str, object]


class HintsRefused(EngineError):  # noqa: N818  named for the situation
    """A recogniser does not take the hints, the language perhaps; another one may."""


class StreamingRecognition:
    """`Recognition` over `/v1/realtime?intent=transcription`, one WebSocket for the whole session."""

    def __init__(
        self,
        endpoint: EngineEndpoint,
        hints: Hints,
        on_interim: Callable[[Segment], None],
        on_trouble: Callable[[EngineError], None] = lambda error: None,
    ) -> None:
        """`on_trouble` is told when the connection breaks while something is being heard, and when none is to
        be had; it goes on trying."""
        self._endpoint = endpoint
        self._hints = hints
        self._on_interim = on_interim
        self._on_trouble = on_trouble
        self._pending: deque[Segment] = deque()
        self._outgoing: asyncio.Queue[str] = asyncio.Queue()
        self._task = asyncio.create_task(self._keep_connected(), name="recognition")
        self._timer: asyncio.TimerHandle | None = None
        self._socket: ClientConnection | None = None
        self._is_dropped = False
        """The connection was given up here, for a reason that is told otherwise."""
        self._refusal: EngineError | None = None
        """Why the service does not take the hints; with the ones it has kept, it would mishear all."""

    @property
    def deadline(self) -> float:
        return FINAL_DEADLINE

    def take(self, hints: Hints) -> None:
        before, self._hints = self._hints, hints
        if self._refusal is not None:
            self._refusal = None
            self._drop_connection()
        self._send(_session_update(self._endpoint.model, hints, before))

    def begin(self) -> Segment:
        segment = Segment(asyncio.get_running_loop().create_future())
        self._pending.append(segment)
        return segment

    def append(self, segment: Segment, pcm: bytes) -> None:
        room = MAX_SEGMENT_BYTES - len(segment.audio)
        if room > 0:
            segment.audio += pcm[:room]
            if self._refusal is None:
                self._send(_append(pcm[:room]))

    def finish(self, segment: Segment) -> None:
        segment.is_finished = True
        if self._refusal is not None:
            return self._settle(segment, self._refusal)
        self._send(_COMMIT)
        self._watch()

    def _watch(self) -> None:
        """Let the clock run for the segment whose turn it is."""
        head = self._pending[0] if self._pending else None
        if self._timer is None and head is not None and head.is_finished:
            deadline = (head.deadline or FINAL_DEADLINE) + PACE * max(0.0, head.duration - head.age)
            self._timer = asyncio.get_running_loop().call_later(deadline, self._expire, head)

    async def aclose(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        for segment in list(self._pending):
            self._settle(segment, EngineUnavailable("The session ended.", engine="stt"))
            segment.text.cancelled() or segment.text.exception()  # seen, even if nobody waits any more

    def _send(self, message: str) -> None:
        if self._socket is not None:  # otherwise the segment is replayed once connected
            self._outgoing.put_nowait(message)

    async def _keep_connected(self) -> None:
        attempt = 0
        while True:
            was_connected, self._is_dropped = False, False
            try:
                async with asyncio.timeout(CONNECT_DEADLINE):
                    socket = await _connect(self._endpoint)
                attempt, was_connected = 0, True
                async with socket:
                    await self._converse(socket)
            except (OSError, WebSocketException, TimeoutError, ValueError) as error:
                logger.warning("recogniser connection lost: %s", type(error).__name__)
                self._socket = None
                if not self._is_dropped and (self._pending or not was_connected):
                    self._on_trouble(_trouble(error))
            finally:
                self._socket = None
            delay = RETRY_DELAYS[min(attempt, len(RETRY_DELAYS) - 1)]
            attempt += 1
            await asyncio.sleep(delay)

    async def _converse(self, socket: ClientConnection) -> None:
        self._outgoing, self._refusal = asyncio.Queue(), None
        await socket.send(_session_update(self._endpoint.model, self._hints, Hints()))
        for segment in self._pending:
            segment.interim = ""
            for replayed in _replay(segment):
                await socket.send(replayed)
        self._socket = socket
        sender = asyncio.create_task(self._send_all(socket))
        try:
            async for message in socket:
                self._receive(_EVENT.validate_json(message))
        finally:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)

    async def _send_all(self, socket: ClientConnection) -> None:
        while True:
            await socket.send(await self._outgoing.get())

    def _receive(self, event: _ServiceEvent) -> None:
        if self._refusal is not None:
            return  # about speech that has failed already
        if event.type == f"{_ITEM}.delta" and self._pending:
            self._pending[0].interim += event.delta
            self._on_interim(self._pending[0])
        elif event.type == f"{_ITEM}.completed" and self._pending:
            self._settle(self._pending[0], event.transcript.strip())
        elif event.type in ("error", f"{_ITEM}.failed"):
            self._fail(event)

    def _fail(self, event: _ServiceEvent) -> None:
        """An error is about the hints, or the oldest segment that was finished; any other is only logged."""
        error = event.error or {}
        logger.error("the recogniser reported %s", error.get("code"))
        message = str(error.get("message", "The recogniser failed."))
        fault = EngineError(message, engine="stt")
        if str(error.get("param")).startswith("session."):
            self._refuse(HintsRefused(message, engine="stt"))
        elif self._pending and self._pending[0].is_finished:
            is_empty = error.get("code") == "input_audio_buffer_commit_empty"
            self._settle(self._pending[0], "" if is_empty else fault)

    def _refuse(self, fault: EngineError) -> None:
        """The service does not take the hints, a language perhaps: what is said meanwhile fails with that."""
        self._refusal = fault
        for segment in [segment for segment in self._pending if segment.is_finished]:
            self._settle(segment, fault)

    def _expire(self, segment: Segment) -> None:
        message = f"No transcript came within {segment.deadline or FINAL_DEADLINE:.1f} s."
        self._settle(segment, EngineTimeout(message, engine="stt"))
        self._drop_connection()

    def _drop_connection(self) -> None:
        """Come back by another: a late transcript must not be taken for the next segment's."""
        if self._socket is not None:
            self._is_dropped = True
            self._socket.transport.abort()
            self._socket = None

    def _settle(self, segment: Segment, result: str | EngineError) -> None:
        if segment in self._pending:
            self._pending.remove(segment)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._watch()
        if segment.text.done():
            return
        if isinstance(result, str):
            segment.text.set_result(result)
        else:
            segment.text.set_exception(result)


async def _connect(endpoint: EngineEndpoint) -> ClientConnection:
    url = (
        endpoint.url.replace("http", "ws", 1)
        + "/realtime?"
        + urlencode({"intent": "transcription", "model": endpoint.model})
    )
    return await connect(
        url,
        additional_headers=endpoint.headers,
        compression=None,
        max_size=MAX_MESSAGE_BYTES,
        proxy=None,
    )


def _trouble(error: Exception) -> EngineError:
    if isinstance(error, InvalidStatus) and error.response.status_code < 500:
        return NoStreaming("The recogniser takes no stream of speech.", engine="stt")
    if isinstance(error, TimeoutError):
        return EngineTimeout("The recogniser did not answer in time.", engine="stt")
    return EngineUnavailable("The connection to the recogniser was lost.", engine="stt")


class NoStreaming(EngineError):  # noqa: N818  named for the situation
    """The recogniser's server has no transcription sessions."""


async def can_stream(endpoint: EngineEndpoint) -> bool | None:
    """Does the recogniser offer transcription sessions? None where it cannot be reached to be asked."""
    try:
        async with asyncio.timeout(CONNECT_DEADLINE):
            async with await _connect(endpoint):
                return True
    except InvalidStatus as error:
        return False if error.response.status_code < 500 else None
    except (OSError, WebSocketException, TimeoutError):
        return None


_COMMIT = '{"type":"input_audio_buffer.commit"}'


def _append(pcm: bytes) -> str:
    return f'{{"type":"input_audio_buffer.append","audio":"{base64.b64encode(pcm).decode()}"}}'


def _replay(segment: Segment) -> list[str]:
    """The messages that say a whole segment again, in pieces that stay under the message limit."""
    step = 64 * 1024
    messages = [_append(bytes(segment.audio[at : at + step])) for at in range(0, len(segment.audio), step)]
    return [*messages, _COMMIT] if segment.is_finished else messages


def _session_update(model: str, hints: Hints, before: Hints) -> str:
    """What the service knew `before` it keeps, unless null takes it back."""
    known = {"model": "", "language": before.language, "prompt": before.prompt}
    given = {"model": model, "language": hints.language, "prompt": hints.prompt}
    audio = {
        "input": {
            "format": {"type": "audio/pcm", "rate": SAMPLE_RATE_HZ},
            "transcription": {name: hint or None for name, hint in given.items() if hint or known[name]},
            "turn_detection": None,
        }
    }
    return _Update(session={"type": "transcription", "audio": audio}).model_dump_json()
