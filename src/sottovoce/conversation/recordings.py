"""Recordings in the history: what was said in them is found out before they are read."""

from __future__ import annotations

import asyncio
import logging

from sottovoce.audio.frame import AudioFrame
from sottovoce.audio.resample import MAX_RATE_HZ, Resampler
from sottovoce.conversation.adapters.batch_recognition import transcribe
from sottovoce.conversation.adapters.clients import EngineClients
from sottovoce.conversation.adapters.recognition import HintsRefused
from sottovoce.conversation.adapters.segments import SAMPLE_RATE_HZ, Hints
from sottovoce.conversation.history import SpokenMessage
from sottovoce.errors import EngineError, EngineTimeout, InvalidRequestError

logger = logging.getLogger(__name__)

MAX_RECORDING = 300.0
"""Seconds of one spoken message; longer ones are for the transcription of files."""


def check_rate(audio: AudioFrame) -> None:
    """Raises `InvalidRequestError` for a rate that no device has."""
    if not 0 < audio.sample_rate <= MAX_RATE_HZ:
        raise InvalidRequestError(f"{audio.sample_rate} Hz is no sample rate (1 to {MAX_RATE_HZ}).")


def check_recording(message: SpokenMessage) -> None:
    """Raises `InvalidRequestError` for one that is too long, or of a made-up rate."""
    check_rate(message.audio)
    if message.audio.duration > MAX_RECORDING:
        raise InvalidRequestError(
            f"The audio of an item may last {MAX_RECORDING:.0f} s, not {message.audio.duration:.0f}.",
            param="item.content",
        )


async def words_of(message: SpokenMessage, clients: EngineClients, hints: Hints) -> str:
    """What is said in it, by the first recogniser of the chain that tells; raises `EngineError`."""
    pcm = await asyncio.to_thread(_converted, message.audio)
    for choice in clients.failover.choices("stt"):
        try:
            with clients.using(choice.endpoint) as line:
                words = await transcribe(choice.endpoint, line.http, pcm, hints)
        except EngineError as error:
            if not isinstance(error, HintsRefused):
                choice.failed(error.message, is_late=isinstance(error, EngineTimeout))
            if choice.is_last:
                raise
            logger.warning("%s did not hear a recording, the next is asked", choice.endpoint.model)
        else:
            choice.succeeded()
            return words
    raise AssertionError("a chain is never empty")


def _converted(audio: AudioFrame) -> bytes:
    resampler = Resampler(audio.sample_rate, SAMPLE_RATE_HZ)
    return resampler.push(audio.samples) + resampler.flush()
