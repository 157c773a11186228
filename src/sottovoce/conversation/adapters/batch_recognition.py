"""Recognisers that only take whole files: one upload to `/v1/audio/transcriptions` for each segment.

Most OpenAI-compatible servers offer nothing else. There are no interim transcripts then, and the
transcript comes later by the time the upload takes.
"""

from __future__ import annotations

import asyncio
import io
import wave

import httpx
from pydantic import BaseModel

from sottovoce.config import EngineEndpoint
from sottovoce.conversation.adapters.recognition import FINAL_DEADLINE, PACE, HintsRefused
from sottovoce.conversation.adapters.segments import MAX_SEGMENT_BYTES, SAMPLE_RATE_HZ, Hints, Segment
from sottovoce.conversation.failures import ABOUT_US
from sottovoce.errors import EngineError, EngineTimeout, EngineUnavailable

UPLOAD_DEADLINE = 4 * FINAL_DEADLINE
"""Seconds for one upload, and `PACE` for each of its own: a model that reads whole files may be much
slower than one that streams."""


class _Transcription(BaseModel):
    text: str


class BatchRecognition:
    """`Recognition` by uploads, one at a time so that the order holds."""

    def __init__(self, endpoint: EngineEndpoint, client: httpx.AsyncClient, hints: Hints) -> None:
        self._endpoint = endpoint
        self._client = client
        self._hints = hints
        self._order = asyncio.Lock()
        self._uploads: set[asyncio.Task[None]] = set()

    @property
    def deadline(self) -> float:
        return UPLOAD_DEADLINE

    def take(self, hints: Hints) -> None:
        self._hints = hints

    def begin(self) -> Segment:
        return Segment(asyncio.get_running_loop().create_future())

    def append(self, segment: Segment, pcm: bytes) -> None:
        segment.audio += pcm[: max(0, MAX_SEGMENT_BYTES - len(segment.audio))]

    def finish(self, segment: Segment) -> None:
        segment.is_finished = True
        upload = asyncio.create_task(self._transcribe(segment), name="transcription-upload")
        self._uploads.add(upload)
        upload.add_done_callback(self._uploads.discard)

    async def aclose(self) -> None:
        for upload in self._uploads:
            upload.cancel()
        await asyncio.gather(*self._uploads, return_exceptions=True)

    async def _transcribe(self, segment: Segment) -> None:
        async with self._order:
            try:
                text = await transcribe(
                    self._endpoint, self._client, bytes(segment.audio), self._hints, segment.deadline
                )
            except EngineError as error:
                if not segment.text.done():
                    segment.text.set_exception(error)
                return
        if not segment.text.done():
            segment.text.set_result(text)


async def transcribe(
    endpoint: EngineEndpoint,
    client: httpx.AsyncClient,
    pcm: bytes,
    hints: Hints,
    deadline: float | None = None,
) -> str:
    """What is said in `pcm`, 16 kHz mono s16le, by one upload; raises `EngineError`, and `HintsRefused` where
    the engine works and does not take it. `deadline` None is UPLOAD_DEADLINE."""
    fields = {"model": endpoint.model, "response_format": "json"}
    fields |= {name: hint for name, hint in (("language", hints.language), ("prompt", hints.prompt)) if hint}
    try:
        response = await client.post(
            f"{endpoint.url}/audio/transcriptions",
            headers=endpoint.headers,
            data=fields,
            files={"file": ("speech.wav", _wav(pcm), "audio/wav")},
            timeout=(deadline or UPLOAD_DEADLINE) + PACE * len(pcm) / (2 * SAMPLE_RATE_HZ),
        )
        response.raise_for_status()
        return _Transcription.model_validate_json(response.content).text.strip()
    except httpx.TimeoutException as error:
        raise EngineTimeout("The recogniser took too long.", engine="stt") from error
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        if 400 <= status < 500 and status not in ABOUT_US:
            raise HintsRefused(
                f"The recogniser refused the speech with status {status}.", engine="stt"
            ) from error
        raise EngineUnavailable(f"The recogniser failed with status {status}.", engine="stt") from error
    except (httpx.HTTPError, ValueError) as error:
        raise EngineUnavailable(f"The recogniser failed: {error}", engine="stt") from error


def _wav(pcm: bytes) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(SAMPLE_RATE_HZ)
        writer.writeframes(pcm)
    return file.getvalue()
