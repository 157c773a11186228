"""A transcription session, event by event, on a scripted recogniser."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from sottovoce.errors import EngineCrashed, LimitExceededError
from sottovoce.services import utterance
from sottovoce.services.transcription import MAX_BAD_EVENTS, TooManyBadEventsError, TranscriptionSession
from tests.unit.engines.stt.sounds import recording, silence
from tests.unit.services.scripted_transcriber import ScriptedTranscriber

TRANSCRIPTION = "conversation.item.input_audio_transcription"
PCM_16K = {"type": "audio/pcm", "rate": 16_000}
UPDATE = '{"type":"session.update","session":{"type":"transcription","audio":{"input":%s}}}'
HALF_A_SECOND = b"\1\0" * 8000


class Client:
    """Sends events and keeps what comes back."""

    def __init__(self, transcriber: ScriptedTranscriber) -> None:
        self.transcriber = transcriber
        self.events: list[dict[str, Any]] = []
        self.session = TranscriptionSession(transcriber, self.events.append)

    async def send(self, kind: str, **fields: Any) -> list[dict[str, Any]]:
        """The events that answer this one."""
        return await self.send_text(json.dumps({"type": kind, **fields}))

    async def send_text(self, text: str) -> list[dict[str, Any]]:
        seen = len(self.events)
        await self.session.receive(text)
        return self.events[seen:]

    async def append(self, pcm: bytes) -> list[dict[str, Any]]:
        return await self.send("input_audio_buffer.append", audio=base64.b64encode(pcm).decode())

    async def commit(self) -> list[dict[str, Any]]:
        return await self.send("input_audio_buffer.commit")

    async def configure(self, **audio_input: Any) -> dict[str, Any]:
        session = {"type": "transcription", "audio": {"input": audio_input}}
        (updated,) = await self.send("session.update", session=session)
        return updated


@pytest.fixture
def transcriber() -> ScriptedTranscriber:
    return ScriptedTranscriber()


@pytest.fixture
async def client(transcriber: ScriptedTranscriber) -> AsyncIterator[Client]:
    """16 kHz, and turns by commit, as our own adapter has it."""
    client = Client(transcriber)
    await client.session.open()
    await client.configure(format=PCM_16K, turn_detection=None)
    yield client
    await client.session.aclose()


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


def error_of(events: list[dict[str, Any]]) -> dict[str, Any]:
    assert kinds(events) == ["error"]
    error: dict[str, Any] = events[0]["error"]
    return error


async def test_a_session_begins_with_the_usual_configuration(transcriber: ScriptedTranscriber) -> None:
    client = Client(transcriber)
    await client.session.open()
    (created,) = client.events
    session = created["session"]
    assert (created["type"], session["type"]) == ("session.created", "transcription")
    assert session["object"] == "realtime.transcription_session"
    assert session["id"].startswith("sess_")
    assert session["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": 24_000}
    assert session["audio"]["input"]["turn_detection"]["type"] == "server_vad"
    await client.session.aclose()


async def test_an_update_changes_what_it_names_and_tells_the_whole(client: Client) -> None:
    updated = await client.configure(transcription={"model": "whisper-1", "language": "en"})
    assert updated["type"] == "session.updated"
    assert updated["session"]["audio"]["input"] == {
        "format": PCM_16K,
        "transcription": {"model": "whisper-1", "language": "en", "prompt": None},
        "noise_reduction": None,
        "turn_detection": None,
    }


async def test_an_utterance_runs_through_its_events_in_order(client: Client) -> None:
    client.transcriber.transcripts = ["stop"]
    assert await client.append(HALF_A_SECOND) == []
    events = await client.commit()
    assert kinds(events) == [
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        f"{TRANSCRIPTION}.completed",
    ]
    committed, added, done, completed = events
    item = added["item"]
    assert (
        {event.get("item_id", item["id"]) for event in events}
        == {committed["item_id"]}
        == {done["item"]["id"]}
    )
    assert item["content"] == [{"type": "input_audio", "transcript": None}]
    assert (completed["transcript"], completed["content_index"]) == ("stop", 0)
    assert completed["usage"] == {"type": "duration", "seconds": 0.5}
    assert len({event["event_id"] for event in client.events}) == len(client.events)
    assert client.transcriber.utterances == [HALF_A_SECOND]


async def test_items_name_the_one_before(client: Client) -> None:
    items = []
    for _ in range(2):
        await client.append(HALF_A_SECOND)
        items.append((await client.commit())[1])
    first, second = items
    assert first["previous_item_id"] is None
    assert second["previous_item_id"] == first["item"]["id"] != second["item"]["id"]


async def test_deltas_add_up_and_belong_to_the_item_to_come(client: Client) -> None:
    client.transcriber.interims = ["set", "set a timer"]
    client.transcriber.transcripts = ["set a timer please"]
    deltas = await client.append(HALF_A_SECOND)
    committed, *_, completed = await client.commit()
    assert kinds(deltas) == [f"{TRANSCRIPTION}.delta"] * 2
    assert "".join(event["delta"] for event in deltas) == "set a timer"
    assert {event["item_id"] for event in deltas} == {committed["item_id"]}
    assert completed["transcript"] == "set a timer please"


async def test_a_word_once_announced_is_never_taken_back(client: Client) -> None:
    client.transcriber.interims = ["set a", "sat", "set a timer"]
    deltas = await client.append(HALF_A_SECOND)
    assert "".join(event["delta"] for event in deltas) == "set a timer"


@pytest.mark.parametrize("pcm", [b"", b"\1\0" * 1599])
async def test_a_commit_of_next_to_nothing_is_refused(client: Client, pcm: bytes) -> None:
    await client.append(pcm)
    events = await client.send("input_audio_buffer.commit", event_id="mine")
    error = error_of(events)
    assert (error["code"], error["event_id"]) == ("input_audio_buffer_commit_empty", "mine")
    await client.append(HALF_A_SECOND)
    assert len(await client.commit()) == 4
    assert client.transcriber.utterances == [HALF_A_SECOND]  # what was refused is gone


async def test_a_cleared_buffer_is_forgotten(client: Client) -> None:
    await client.append(HALF_A_SECOND)
    assert kinds(await client.send("input_audio_buffer.clear")) == ["input_audio_buffer.cleared"]
    await client.append(HALF_A_SECOND * 2)
    await client.commit()
    assert client.transcriber.utterances == [HALF_A_SECOND * 2]


async def test_24_khz_is_converted(client: Client) -> None:
    await client.configure(format={"type": "audio/pcm", "rate": 24_000})
    tone = (8000 * np.sin(2 * np.pi * 440 * np.arange(24_000) / 24_000)).astype(np.int16)
    for part in np.split(tone, 10):
        await client.append(part.tobytes())
    *_, completed = await client.commit()
    assert completed["usage"]["seconds"] == pytest.approx(1.0, abs=0.005)
    heard = np.frombuffer(client.transcriber.utterances[0], np.int16)
    assert np.argmax(np.abs(np.fft.rfft(heard))) == pytest.approx(440, abs=3)


async def test_the_server_finds_turns_itself(client: Client) -> None:
    client.transcriber.transcripts = ["tell me a joke", "stop"]
    await client.configure(turn_detection={"type": "server_vad", "silence_duration_ms": 300})
    spoken = recording("dialogue-tell-me-a-joke-slt") + silence(0.8) + recording("dialogue-stop-slt")
    events = await client.append(silence(0.5) + spoken + silence(0.8))
    turn = [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        f"{TRANSCRIPTION}.completed",
    ]
    assert kinds(events) == turn * 2
    started, stopped, committed, *_ = events
    assert started["item_id"] == stopped["item_id"] == committed["item_id"]
    assert 0 < started["audio_start_ms"] < stopped["audio_end_ms"] < 2100
    assert [event["transcript"] for event in events if "transcript" in event] == ["tell me a joke", "stop"]


async def test_silence_between_turns_waits_for_no_commit(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(utterance, "MAX_UTTERANCE", 2.0)
    await client.configure(turn_detection={"type": "server_vad"})
    for _ in range(10):
        assert await client.append(silence(1.0)) == []


async def test_uncommitted_audio_is_bounded(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(utterance, "MAX_UTTERANCE", 1.2)
    assert [await client.append(HALF_A_SECOND) for _ in range(2)] == [[], []]
    error = error_of(await client.append(HALF_A_SECOND))
    assert error["code"] == "input_audio_buffer_full"
    assert (await client.commit())[-1]["usage"]["seconds"] == 1.0


@pytest.mark.parametrize(
    ("message", "code", "event_id"),
    [
        ("", "invalid_value", None),
        ("{nonsense", "invalid_value", None),
        ('"text"', "invalid_value", None),
        ("[" * 100_000, "invalid_value", None),
        ('{"event_id": "e1"}', "invalid_value", "e1"),
        ('{"type": "response.create", "event_id": "e2"}', "invalid_value", "e2"),
        ('{"type": "input_audio_buffer.append", "event_id": "e3"}', "missing_required_parameter", "e3"),
        ('{"type": "input_audio_buffer.append", "audio": "%%%"}', "invalid_value", None),
        ('{"type": "input_audio_buffer.append", "audio": "AAAA"}', "invalid_value", None),
        ('{"type": "input_audio_buffer.append", "audio": 7}', "invalid_value", None),
        ('{"type": "session.update", "session": {"type": "realtime"}}', "invalid_value", None),
        (UPDATE % '{"format":{"type":"audio/pcmu"}}', "invalid_value", None),
        (UPDATE % '{"transcription":{"language":"de"}}', "invalid_value", None),
    ],
)
async def test_a_wrong_event_is_answered_and_the_session_lives(
    client: Client, message: str, code: str, event_id: str | None
) -> None:
    error = error_of(await client.send_text(message))
    assert (error["type"], error["code"], error["event_id"]) == ("invalid_request_error", code, event_id)
    assert error["message"]
    await client.append(HALF_A_SECOND)
    assert len(await client.commit()) == 4


async def test_a_client_that_only_sends_wrong_events_is_sent_away(client: Client) -> None:
    for _ in range(MAX_BAD_EVENTS - 1):
        await client.send_text("x")
    await client.append(HALF_A_SECOND)  # a right one in between starts the count anew
    for _ in range(MAX_BAD_EVENTS - 1):
        await client.send_text("x")
    with pytest.raises(TooManyBadEventsError):
        await client.send_text("x")


CRASH = EngineCrashed("It died.", engine="stt")


async def test_a_recogniser_that_dies_costs_no_words(client: Client) -> None:
    client.transcriber.transcripts = ["set a timer"]
    await client.append(HALF_A_SECOND)
    client.transcriber.streams[0].failure = CRASH
    await client.append(HALF_A_SECOND)
    *_, completed = await client.commit()
    assert completed["transcript"] == "set a timer"
    assert client.transcriber.utterances == [HALF_A_SECOND * 2]  # the new one has heard it all
    assert client.transcriber.streams[0].is_closed


async def test_one_that_dies_at_the_end_costs_none_either(client: Client) -> None:
    await client.append(HALF_A_SECOND)
    client.transcriber.streams[0].failure = CRASH
    client.transcriber.transcripts = ["stop"]
    assert (await client.commit())[-1]["transcript"] == "stop"
    assert client.transcriber.utterances == [HALF_A_SECOND]


async def test_two_deaths_fail_the_turn_and_not_the_session(client: Client) -> None:
    await client.append(HALF_A_SECOND)
    client.transcriber.streams[0].failure = CRASH
    client.transcriber.failures = [CRASH]
    failed = (await client.commit())[-1]
    assert failed["type"] == f"{TRANSCRIPTION}.failed"
    assert failed["error"]["code"] == "engine_crashed"
    client.transcriber.transcripts = ["again"]
    await client.append(HALF_A_SECOND)
    assert (await client.commit())[-1]["transcript"] == "again"


async def test_a_replacement_may_word_it_differently(client: Client) -> None:
    """What was announced stays; what it adds is told once it goes beyond."""
    client.transcriber.interims = ["set a timer"]
    await client.append(HALF_A_SECOND)
    client.transcriber.streams[0].failure = CRASH
    client.transcriber.interims = ["said a", "set a timer for"]
    deltas = await client.append(HALF_A_SECOND)
    assert [event["delta"] for event in deltas] == [" for"]


async def test_a_session_without_a_free_recogniser_is_refused(transcriber: ScriptedTranscriber) -> None:
    transcriber.max_streams = 0
    with pytest.raises(LimitExceededError):
        await Client(transcriber).session.open()


async def test_closing_frees_the_recogniser(client: Client) -> None:
    await client.append(HALF_A_SECOND)
    await client.session.aclose()
    assert all(stream.is_closed for stream in client.transcriber.streams)


async def test_a_language_is_heard_from_the_next_utterance_on(transcriber: ScriptedTranscriber) -> None:
    transcriber.languages = ("en-us", "ja-jp")
    transcriber.transcripts = ["one", "two"]
    client = Client(transcriber)
    await client.session.open()
    await client.configure(format=PCM_16K, turn_detection=None)
    await client.configure(transcription={"language": "en"})
    await client.append(HALF_A_SECOND)
    await client.configure(transcription={"language": "ja"})
    await client.commit()
    assert [stream.language for stream in transcriber.streams] == ["", "en-us"]
    await client.append(HALF_A_SECOND)
    await client.commit()
    assert [stream.language for stream in transcriber.streams] == ["", "en-us", "ja-jp"]
    assert [stream.is_closed for stream in transcriber.streams] == [True, True, False]
    assert transcriber.utterances == [HALF_A_SECOND, HALF_A_SECOND]
    await client.session.aclose()


async def test_the_only_language_needs_no_other_stream(transcriber: ScriptedTranscriber) -> None:
    """It has learnt the voice."""
    client = Client(transcriber)
    await client.session.open()
    await client.configure(format=PCM_16K, transcription={"language": "en-GB"})
    assert [stream.language for stream in transcriber.streams] == ["en"]
    await client.session.aclose()
