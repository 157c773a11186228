"""From a recording to the bytes of a reply: a whole one, or OpenAI's events while it is heard."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any

from sottovoce.engines.stt.base import Segment, Transcriber
from sottovoce.errors import SottovoceError
from sottovoce.http.heartbeats import HEARTBEAT, with_heartbeats
from sottovoce.services.uploads import formats
from sottovoce.services.uploads.formats import Wording
from sottovoce.services.uploads.recording import Recording
from sottovoce.services.uploads.transcript import Transcript

CHECK_DEADLINE = 60.0
"""Seconds a file may take to be decoded before a reply is begun that can no longer become an error."""
SPACE = b"\n"
COMMENT = b": listening\n\n"
DONE = b"data: [DONE]\n\n"

logger = logging.getLogger(__name__)


async def whole(
    recording: Recording,
    transcriber: Transcriber,
    response_format: str,
    wording: Wording,
    *,
    heartbeat: float = HEARTBEAT,
) -> AsyncGenerator[bytes]:
    """The reply in one piece; a long one is preceded by empty lines, which all formats bear.

    The first of them fixes the status. So the file is decoded to its end before: what is wrong with it has
    the right status however late it would be met.
    """
    prefix = formats.PREFIXES.get(response_format, b"")
    is_begun = False
    listening = _heard(recording, transcriber)
    async with aclosing(with_heartbeats(listening, heartbeat)) as beats:
        async for transcript in beats:
            if transcript is not None:
                rest = formats.body(transcript, response_format, wording)
                yield rest if is_begun else prefix + rest
            elif is_begun:
                yield SPACE
            else:
                await _check(recording)
                is_begun = True
                yield prefix + SPACE


async def _check(recording: Recording) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(CHECK_DEADLINE):
            await recording.check()


async def _heard(recording: Recording, transcriber: Transcriber) -> AsyncGenerator[Transcript]:
    transcript = Transcript(spoken=recording.language)
    async with aclosing(recording.segments(transcriber)) as segments:
        async for segment in segments:
            transcript.segments.append(segment)
    transcript.duration = recording.duration
    yield transcript


async def events(
    recording: Recording, transcriber: Transcriber, wording: Wording, *, heartbeat: float = HEARTBEAT
) -> AsyncGenerator[bytes]:
    """Server-sent events, `[DONE]` last; an error is one of them if others went before it."""
    transcript = Transcript(spoken=recording.language)
    is_begun = False
    try:
        async with aclosing(with_heartbeats(recording.segments(transcriber), heartbeat)) as segments:
            async for segment in segments:
                is_begun = True
                yield COMMENT if segment is None else _delta(transcript, segment, wording)
    except SottovoceError as error:
        if not is_begun:
            raise
        logger.warning("a transcription failed on the way: %s", error.message)
        yield _event({"type": "error", "error": error.to_openai()}, "error")
        return
    transcript.duration = recording.duration
    yield _done(transcript, wording) + DONE


def _delta(transcript: Transcript, segment: Segment, wording: Wording) -> bytes:
    """Adds the segment to the transcript; the deltas make up its text."""
    is_first = not transcript.segments
    transcript.segments.append(segment)
    event: dict[str, Any] = {"type": "transcript.text.delta"}
    is_joined = is_first or segment.words[0].is_joined
    event["delta"] = segment.text if is_joined else f" {segment.text}"
    if wording.has_logprobs:
        event["logprobs"] = formats.logprobs(segment.words, is_first=is_first)
    return _event(event)


def _done(transcript: Transcript, wording: Wording) -> bytes:
    event: dict[str, Any] = {"type": "transcript.text.done", "text": transcript.text}
    if wording.has_logprobs:
        event["logprobs"] = formats.logprobs(transcript.words)
    return _event(event | {"usage": transcript.tokens()})


def _event(event: dict[str, Any], name: str | None = None) -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(event)}\n\n".encode()
