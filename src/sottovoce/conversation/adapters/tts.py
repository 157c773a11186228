"""Text to speech for AgentSession: one request to `/v1/audio/speech` for each clause, of the first voice
engine in the chain that speaks."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import httpx
from livekit.agents import APIConnectionError, APIError, APIStatusError, APITimeoutError, tts
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, APIConnectOptions

from sottovoce.audio.playout import FRAME_MS, PLAYOUT_RATE_HZ
from sottovoce.config import EngineEndpoint
from sottovoce.conversation.adapters.clients import EngineClients, Line
from sottovoce.conversation.adapters.patience import Patience
from sottovoce.conversation.engines import Used
from sottovoce.conversation.failover import Choice
from sottovoce.conversation.failures import describe, is_ours

logger = logging.getLogger(__name__)

FIRST_AUDIO_DEADLINE = 3.0
"""Seconds to a clause's first audio, where the engine has no deadline of its own. A voice that is reading
takes this long only when it hangs."""
STALL_DEADLINE = 5.0
"""Seconds between two chunks of one clause."""
RETRY_INTERVAL = 0.1
"""Seconds after which the only engine there is is asked once more, if it refused or broke off at once."""
LEAD = "sottovoce-lead"
"""The header with the seconds of sound that are still to be heard."""
VOICE_REFUSED = (400, 404, 422)
"""How servers answer a voice that they do not have."""


class ServiceTTS(tts.TTS[str]):
    """`tts.TTS` over the chain of speech services."""

    def __init__(self, clients: EngineClients) -> None:
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=False), sample_rate=PLAYOUT_RATE_HZ, num_channels=1
        )
        self.clients = clients

    @property
    def model(self) -> str:
        return self.clients.failover.first("tts").model

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        raise NotImplementedError("a reply says its voice; use say()")

    def say(
        self,
        text: str,
        voice: str,
        speed: float,
        told: Callable[[Used], None] = lambda used: None,
        lead: float = 0.0,
    ) -> tts.ChunkedStream:
        """`told` hears whose voice it is before its first sound; `lead` as for `sound`."""
        return _Clause(self, text, voice, speed, told, lead)

    async def sound(
        self,
        text: str,
        voice: str,
        speed: float,
        told: Callable[[Used], None] = lambda used: None,
        lead: float = 0.0,
    ) -> AsyncGenerator[bytes, None]:
        """24 kHz mono s16le as it comes. Who fails before the first of it is followed by the next of the
        chain. `lead` are seconds of sound that the user has still to hear: our engines need not hurry then.
        Raises `APIError`."""
        for choice in self.clients.failover.choices("tts"):
            has_begun = False
            try:
                async with aclosing(self._spoken(choice, text, voice, speed, lead)) as chunks:
                    async for chunk in chunks:
                        if not has_begun:
                            has_begun = True
                            told(choice.used)
                        yield chunk
                return
            except APIError as error:
                if not is_ours(error):
                    is_late = not has_begun and isinstance(error, APITimeoutError)
                    choice.failed(describe("tts", error), is_late=is_late)
                if has_begun or choice.is_last or is_ours(error):
                    error.retryable = error.retryable and choice.is_only and not has_begun
                    raise
                logger.warning("%s said nothing, the next voice is asked", choice.endpoint.model)

    async def _spoken(
        self, choice: Choice, text: str, voice: str, speed: float, lead: float
    ) -> AsyncGenerator[bytes, None]:
        """By one engine, in its default voice where it does not have that one."""
        with self.clients.using(choice.endpoint) as line:
            patience = Patience(choice.deadline(FIRST_AUDIO_DEADLINE))
            try:
                async with aclosing(_chunks(line, choice, patience, text, voice, speed, lead)) as chunks:
                    async for chunk in chunks:
                        yield chunk
                return
            except APIStatusError as error:
                if error.status_code not in VOICE_REFUSED:
                    raise
                default = await line.default_voice(voice)
                if default == voice:
                    raise
            async with aclosing(_chunks(line, choice, patience, text, default, speed, lead)) as chunks:
                async for chunk in chunks:
                    yield chunk


async def _chunks(
    line: Line, choice: Choice, patience: Patience, text: str, voice: str, speed: float, lead: float
) -> AsyncGenerator[bytes, None]:
    """One reply of one engine; its first chunk tells that the engine works. Raises `APIError`."""
    has_begun = False
    try:
        async with aclosing(patience.watch(_body(line, text, voice, speed, lead))) as chunks:
            async for chunk in chunks:
                if not has_begun:
                    has_begun = True
                    choice.succeeded(patience.waited)
                yield chunk
    except (httpx.TimeoutException, TimeoutError) as error:
        raise APITimeoutError(retryable=False) from error
    except httpx.HTTPError as error:
        raise APIConnectionError from error


async def _body(line: Line, text: str, voice: str, speed: float, lead: float) -> AsyncGenerator[bytes, None]:
    endpoint = line.endpoint
    request = line.http.build_request(
        "POST",
        f"{endpoint.url}/audio/speech",
        headers=endpoint.headers | _lead(endpoint, lead),
        json={
            "model": endpoint.model,
            "input": text,
            "voice": voice,
            "speed": speed,
            "response_format": "pcm",
        },
        timeout=None,
    )
    response = await line.http.send(request, stream=True)
    try:
        if response.is_error:
            raise APIStatusError("The voice refused the text.", status_code=response.status_code)
        chunks, patience = response.aiter_raw(), None
        while True:
            async with asyncio.timeout(patience):
                chunk = await anext(chunks, None)
            if chunk is None:
                return
            patience = STALL_DEADLINE  # the first has a deadline of its own
            yield chunk
    finally:
        await response.aclose()


def _lead(endpoint: EngineEndpoint, lead: float) -> dict[str, str]:
    """For our own services; others have no such header."""
    return {LEAD: f"{lead:.2f}"} if endpoint.is_local and lead else {}


class _Clause(tts.ChunkedStream):
    def __init__(
        self,
        service: ServiceTTS,
        text: str,
        voice: str,
        speed: float,
        told: Callable[[Used], None],
        lead: float,
    ) -> None:
        options = APIConnectOptions(max_retry=1, retry_interval=RETRY_INTERVAL)
        super().__init__(tts=service, input_text=text, conn_options=options)
        self._service = service
        self._voice = voice
        self._speed = speed
        self._told = told
        self._lead = lead

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(
            request_id=uuid.uuid4().hex,
            sample_rate=PLAYOUT_RATE_HZ,
            num_channels=1,
            mime_type="audio/pcm",
            frame_size_ms=FRAME_MS * 2,
        )
        sound = self._service.sound(self._input_text, self._voice, self._speed, self._told, self._lead)
        async with aclosing(sound) as chunks:
            async for chunk in chunks:
                output_emitter.push(chunk)
        output_emitter.flush()
