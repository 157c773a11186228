"""The bytes of a reply over time, from a recording that a test writes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from sottovoce.engines.stt.base import Segment, Transcriber
from sottovoce.errors import BadAudioError, EngineCrashed, SottovoceError, TooLargeError
from sottovoce.services.uploads import replies
from sottovoce.services.uploads.formats import Wording
from tests.unit.services.scripted_transcriber import ScriptedTranscriber, spoken
from tests.virtual_time import run

HEARTBEAT = 15.0
PLAIN = Wording("transcribe")
JOKE = [spoken("tell me", 0.0, 1.0, 0.5), spoken("a joke", 1.0, 2.0, 0.25)]


@dataclass
class FakeRecording:
    """Every segment takes `pause` seconds to come; `check_takes` as long to be checked."""

    script: list[Segment] = field(default_factory=lambda: JOKE)
    pause: float = 1.0
    fault: SottovoceError | None = None
    check_takes: float = 1.0
    check_fault: SottovoceError | None = None
    duration: float = 2.0
    language: str = "en"
    checks: int = 0
    is_ended: bool = False

    async def segments(self, transcriber: Transcriber) -> AsyncGenerator[Segment]:
        try:
            for segment in self.script:
                await asyncio.sleep(self.pause)
                yield segment
            await asyncio.sleep(self.pause)
            if self.fault is not None:
                raise self.fault
        finally:
            self.is_ended = True

    async def check(self) -> None:
        self.checks += 1
        await asyncio.sleep(self.check_takes)
        if self.check_fault is not None:
            raise self.check_fault


Make = Callable[[Any], AsyncGenerator[bytes]]


def whole(response_format: str) -> Make:
    return lambda recording: replies.whole(
        recording, ScriptedTranscriber(), response_format, PLAIN, heartbeat=HEARTBEAT
    )


def events(wording: Wording = PLAIN) -> Make:
    return lambda recording: replies.events(recording, ScriptedTranscriber(), wording, heartbeat=HEARTBEAT)


def sent(make: Make, recording: FakeRecording) -> list[bytes]:
    async def main() -> list[bytes]:
        return [chunk async for chunk in make(recording)]

    return run(main())


def read(chunks: list[bytes]) -> list[Any]:
    """The data of server-sent events."""
    lines = b"".join(chunks).decode().split("\n\n")
    data = [line.partition("data: ")[2] for line in lines if "data: " in line]
    return [each if each == "[DONE]" else json.loads(each) for each in data]


def test_a_short_reply_comes_in_one_piece() -> None:
    recording = FakeRecording()
    (chunk,) = sent(whole("json"), recording)
    assert json.loads(chunk)["text"] == "tell me a joke"
    assert recording.checks == 0


def test_a_long_reply_shows_that_it_is_on_its_way() -> None:
    recording = FakeRecording(pause=20.0)
    *beats, last = sent(whole("json"), recording)
    assert beats == [b"\n"] * 3
    assert json.loads(b"".join([*beats, last]))["text"] == "tell me a joke"
    assert recording.checks == 1


def test_a_long_vtt_begins_as_every_vtt_does() -> None:
    chunks = sent(whole("vtt"), FakeRecording(pause=20.0))
    assert chunks[:3] == [b"WEBVTT\n\n", b"\n", b"\n"]
    assert chunks[3].startswith(b"\n00:00:00.000 --> ")
    (short,) = sent(whole("vtt"), FakeRecording())
    assert short.startswith(b"WEBVTT\n\n00:00:00.000 --> ")


def test_a_fault_that_is_met_late_is_found_before_the_reply_begins() -> None:
    fault = TooLargeError("The audio is longer than the limit.", param="file", code="audio_too_long")
    recording = FakeRecording(pause=1000.0, check_fault=fault)
    with pytest.raises(TooLargeError):
        sent(whole("json"), recording)
    assert recording.is_ended


def test_a_check_that_takes_too_long_holds_no_reply_up() -> None:
    recording = FakeRecording(pause=100.0, check_takes=10_000.0)
    assert sent(whole("text"), recording)[0] == b"\n"


def test_a_recogniser_that_fails_after_the_reply_began_breaks_it_off() -> None:
    recording = FakeRecording(pause=20.0, fault=EngineCrashed("died", engine="stt"))
    with pytest.raises(EngineCrashed):
        sent(whole("json"), recording)


def test_events_make_up_the_text() -> None:
    chunks = sent(events(), FakeRecording())
    *deltas, done, end = read(chunks)
    assert len(chunks) == 3
    assert [delta["type"] for delta in deltas] == ["transcript.text.delta"] * 2
    assert "".join(delta["delta"] for delta in deltas) == done["text"] == "tell me a joke"
    assert (done["type"], end) == ("transcript.text.done", "[DONE]")
    assert done["usage"]["total_tokens"] == 24
    assert all(set(delta) == {"type", "delta"} for delta in deltas)


def test_events_have_logprobs_if_asked() -> None:
    *deltas, done, _ = read(sent(events(Wording("transcribe", has_logprobs=True)), FakeRecording()))
    assert [each for delta in deltas for each in delta["logprobs"]] == done["logprobs"]
    assert "".join(each["token"] for each in done["logprobs"]) == done["text"]


def test_silence_between_events_is_filled_with_comments() -> None:
    chunks = sent(events(), FakeRecording(pause=20.0))
    assert chunks[0] == b": listening\n\n"
    assert "".join(each["delta"] for each in read(chunks)[:2]) == "tell me a joke"


def test_nothing_said_is_no_delta() -> None:
    done, end = read(sent(events(), FakeRecording([])))
    assert (done["text"], end) == ("", "[DONE]")


def test_a_fault_before_the_first_event_is_an_error_with_a_status() -> None:
    with pytest.raises(BadAudioError):
        sent(events(), FakeRecording([], fault=BadAudioError("no audio", param="file")))


def test_a_fault_between_events_is_an_event() -> None:
    chunks = sent(events(), FakeRecording(fault=BadAudioError("too long", param="file")))
    assert chunks[-1].startswith(b"event: error\n")
    *_, error = read(chunks)
    assert error == {
        "type": "error",
        "error": {
            "message": "too long",
            "type": "invalid_request_error",
            "param": "file",
            "code": "invalid_audio",
        },
    }
