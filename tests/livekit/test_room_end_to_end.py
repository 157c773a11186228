"""Spoken turns through a room: recordings, real engines, and what another participant gets of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from sottovoce.config import ENGINE_KINDS, EngineEndpoint, EngineKind
from sottovoce.conversation.adapters.clients import EngineClients
from sottovoce.conversation.session import Session
from tests import service_child
from tests.livekit.participant import EVENTS, MICROPHONE_HZ, Participant, present
from tests.livekit.rooms import ASSISTANT, holding
from tests.livekit_server import LiveKitServer
from tests.recordings import recording
from tests.service_child import KEY

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(120)]

MODELS: dict[EngineKind, str] = {"stt": "pocketsphinx", "llm": "sottovoce-rules", "tts": "espeak-ng"}
SILENT_WITHIN = 2.0
"""Seconds from the first word of an interruption to silence on a busy machine; `bench/` has the figures."""


class Services:
    def __init__(self, urls: dict[EngineKind, str]) -> None:
        self._urls = urls

    def chain(self, kind: EngineKind) -> list[EngineEndpoint]:
        return [EngineEndpoint(kind, f"{self._urls[kind]}/v1", KEY, MODELS[kind])]


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory, engine_cache: Path) -> Iterator[Services]:
    home = tmp_path_factory.mktemp("engines")
    (home / "cache").symlink_to(engine_cache, target_is_directory=True)
    with (
        service_child.running("stt", None, home) as stt,
        service_child.running("llm", None, home) as llm,
        service_child.running("tts", None, home) as tts,
    ):
        children = zip(ENGINE_KINDS, (stt, llm, tts), strict=True)
        yield Services({kind: child.ready().url for kind, child in children})


@pytest.fixture
async def ann(services: Services, livekit: LiveKitServer, room_name: str) -> AsyncIterator[Participant]:
    """In a room with an assistant that has real engines."""
    clients = EngineClients(services)
    async with (
        holding(livekit, room_name, lambda options: Session(clients, options)),
        present(livekit, room_name, "ann", attributes=EVENTS, speaks=True) as participant,
    ):
        await participant.event("session.created")
        yield participant
    await clients.aclose()


async def said_and_answered(ann: Participant) -> dict[str, Any]:
    done = await ann.event("response.done")
    await ann.until(lambda: ann.said_by("ann"))
    return done


async def test_a_spoken_turn_is_understood_and_answered_aloud(ann: Participant) -> None:
    spoken = await ann.speak(recording("dialogue-what-is-twelve-times-seven-slt"))
    await said_and_answered(ann)
    assert ann.said_by("ann") == ["what is twelve times seven"]
    assert ann.said_by(ASSISTANT) == ["12 times 7 is 84."]
    assert await ann.first_sound(spoken - 1) > spoken - 1
    states = [state for _, state in ann.states]
    assert [state for state in states if state == "speaking"]
    metrics = await ann.event("sottovoce.turn.metrics")
    assert metrics["engines"] == MODELS


async def test_what_was_said_before_the_assistant_came_is_answered_and_delays_nothing_after_it(
    services: Services, livekit: LiveKitServer, room_name: str
) -> None:
    clients = EngineClients(services)
    async with (
        present(livekit, room_name, "ann", attributes=EVENTS) as ann,
        holding(livekit, room_name, lambda options: Session(clients, options)),
    ):
        await ann.publish(has_first_words=True)
        spoken = recording("dialogue-what-is-twelve-times-seven-slt")
        await ann.send_first_words(bytes(MICROPHONE_HZ * 2 * 4) + spoken)
        await said_and_answered(ann)
        assert ann.said_by("ann") == ["what is twelve times seven"]
        await ann.silence()
        ended = await ann.speak(recording("dialogue-stop-slt"))
        await ann.until(lambda: len(ann.events_of("input_audio_buffer.speech_stopped")) > 1)
        times = [at for at, event in ann.events if event["type"] == "input_audio_buffer.speech_stopped"]
        assert times[-1] - ended < SILENT_WITHIN
    await clients.aclose()


async def test_who_speaks_over_the_assistant_silences_it(ann: Participant) -> None:
    await ann.speak(recording("dialogue-count-to-forty-slt"))
    await ann.first_sound(0)
    await ann.event("response.output_audio_transcript.delta", lambda told: "four" in told["delta"])
    interrupting = asyncio.create_task(ann.speak(recording("dialogue-stop-slt")))
    begun = (await ann.until(lambda: ann.heard))[-1].at
    done = await ann.event("response.done")
    await interrupting
    assert done["response"]["status"] == "cancelled"
    gap = await ann.until(lambda: ann.pause_after(begun))
    assert gap is not None
    assert gap - begun < SILENT_WITHIN
    (cut, *_) = ann.said_by(ASSISTANT)
    assert re.match(r"One, two, three, four", cut)
    assert "thirty" not in cut
