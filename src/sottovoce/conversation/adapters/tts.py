"""Text to speech for AgentSession, one request to `/v1/audio/speech` for each clause."""

from __future__ import annotations

import asyncio
import uuid

import httpx
from livekit.agents import APIConnectionError, APIStatusError, APITimeoutError, tts
from livekit.agents.types import APIConnectOptions

from sottovoce.audio.playout import FRAME_MS, PLAYOUT_RATE_HZ
from sottovoce.config import EngineEndpoint

FIRST_AUDIO_DEADLINE = 3.0
"""Seconds to a clause's first audio. A voice that is reading takes this long only when it hangs."""
STALL_DEADLINE = 5.0
"""Seconds between two chunks of one clause."""
CONNECT_OPTIONS = APIConnectOptions(max_retry=1, retry_interval=0.1, timeout=FIRST_AUDIO_DEADLINE)


class ServiceTTS(tts.TTS[str]):
    """`tts.TTS` over a speech service."""

    def __init__(self, endpoint: EngineEndpoint, client: httpx.AsyncClient) -> None:
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=False), sample_rate=PLAYOUT_RATE_HZ, num_channels=1
        )
        self.endpoint = endpoint
        self.client = client

    @property
    def model(self) -> str:
        return self.endpoint.model

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        raise NotImplementedError("a reply says its voice; use say()")

    def say(self, text: str, voice: str, speed: float) -> tts.ChunkedStream:
        return _Clause(self, text, voice, speed)

    def request(self, text: str, voice: str, speed: float) -> httpx.Request:
        return self.client.build_request(
            "POST",
            f"{self.endpoint.url}/audio/speech",
            headers=self.endpoint.headers,
            json={
                "model": self.endpoint.model,
                "input": text,
                "voice": voice,
                "speed": speed,
                "response_format": "pcm",
            },
            timeout=httpx.Timeout(STALL_DEADLINE, connect=FIRST_AUDIO_DEADLINE),
        )


class _Clause(tts.ChunkedStream):
    def __init__(self, service: ServiceTTS, text: str, voice: str, speed: float) -> None:
        super().__init__(tts=service, input_text=text, conn_options=CONNECT_OPTIONS)
        self._service = service
        self._voice = voice
        self._speed = speed

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(
            request_id=uuid.uuid4().hex,
            sample_rate=PLAYOUT_RATE_HZ,
            num_channels=1,
            mime_type="audio/pcm",
            frame_size_ms=FRAME_MS * 2,
        )
        try:
            await self._speak(output_emitter)
        except (httpx.TimeoutException, TimeoutError) as error:
            raise APITimeoutError from error
        except httpx.HTTPError as error:
            raise APIConnectionError from error

    async def _speak(self, output_emitter: tts.AudioEmitter) -> None:
        request = self._service.request(self._input_text, self._voice, self._speed)
        async with asyncio.timeout(FIRST_AUDIO_DEADLINE) as deadline:
            response = await self._service.client.send(request, stream=True)
            try:
                if response.is_error:
                    raise APIStatusError("The voice refused the text.", status_code=response.status_code)
                async for chunk in response.aiter_raw():
                    deadline.reschedule(asyncio.get_running_loop().time() + STALL_DEADLINE)
                    output_emitter.push(chunk)
            finally:
                await response.aclose()
        output_emitter.flush()
