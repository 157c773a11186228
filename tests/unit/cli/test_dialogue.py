"""The terminal's side of a call: what is captioned, what is played, when it is quiet."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import pytest
from pydantic import ValidationError
from rich.console import Console

from sottovoce.cli import dialogue as room
from sottovoce.cli.captions import TerminalCaptions
from sottovoce.cli.dialogue import Dialogue, Playback

ASKED = "conversation.item.input_audio_transcription"


class Page:
    """Captions as a list."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, ...]] = []

    def interim(self, speaker: str, text: str) -> None:
        self.lines.append(("interim", speaker, text))

    def final(self, speaker: str, text: str, unheard: str = "") -> None:
        self.lines.append(("final", speaker, text, unheard))

    def trouble(self, text: str) -> None:
        self.lines.append(("trouble", text))


@pytest.fixture
def page() -> Page:
    return Page()


@pytest.fixture
def dialogue(page: Page) -> Dialogue:
    return Dialogue(page)


def receive(dialogue: Dialogue, kind: str, **fields: Any) -> None:
    dialogue.receive(json.dumps({"type": kind, "event_id": "event_1", **fields}))


def say(dialogue: Dialogue, samples: bytes) -> None:
    receive(dialogue, "response.output_audio.delta", delta=base64.b64encode(samples).decode())


def test_a_turn_is_captioned_as_it_is_spoken(dialogue: Dialogue, page: Page) -> None:
    receive(dialogue, "input_audio_buffer.speech_started", item_id="item_1", audio_start_ms=0)
    receive(dialogue, f"{ASKED}.delta", delta="what")
    receive(dialogue, f"{ASKED}.delta", delta=" time")
    receive(dialogue, "input_audio_buffer.speech_stopped", item_id="item_1", audio_end_ms=9)
    receive(dialogue, f"{ASKED}.completed", transcript="what time is it")
    receive(dialogue, "response.created", response={"id": "resp_1", "status": "in_progress"})
    receive(dialogue, "response.output_audio_transcript.delta", delta="It is ")
    receive(dialogue, "response.output_audio_transcript.delta", delta="noon.")
    receive(dialogue, "response.done", response={"id": "resp_1", "status": "completed"})
    assert page.lines == [
        ("interim", "You", "what"),
        ("interim", "You", "what time"),
        ("final", "You", "what time is it", ""),
        ("interim", "Sottovoce", "It is "),
        ("interim", "Sottovoce", "It is noon."),
        ("final", "Sottovoce", "It is noon.", ""),
    ]


def test_noise_is_not_captioned(dialogue: Dialogue, page: Page) -> None:
    receive(dialogue, f"{ASKED}.completed", transcript="")
    assert page.lines == []


def test_an_interrupted_reply_is_silent_at_once_and_shows_what_was_not_heard(
    dialogue: Dialogue, page: Page
) -> None:
    receive(dialogue, "response.created", response={})
    receive(dialogue, "response.output_audio_transcript.delta", delta="One, two,")
    say(dialogue, b"\1\0" * 960)
    receive(dialogue, "sottovoce.response.heard", heard="One, two,", unheard="three.")
    receive(dialogue, "response.done", response={"status": "cancelled"})
    assert dialogue.playback.is_empty
    assert page.lines[-1] == ("final", "Sottovoce", "One, two,", "three.")


def test_a_reply_that_is_done_is_still_played_to_its_end(dialogue: Dialogue) -> None:
    receive(dialogue, "response.created", response={})
    say(dialogue, b"\1\0" * 10)
    receive(dialogue, "response.done", response={"status": "completed"})
    assert not dialogue.is_quiet
    assert dialogue.playback.pull(20) == b"\1\0" * 10
    assert dialogue.is_quiet


def test_it_is_not_quiet_while_anybody_speaks(dialogue: Dialogue) -> None:
    assert dialogue.is_quiet
    receive(dialogue, "input_audio_buffer.speech_started", item_id="item_1", audio_start_ms=0)
    assert not dialogue.is_quiet
    receive(dialogue, "input_audio_buffer.speech_stopped", item_id="item_1", audio_end_ms=9)
    assert dialogue.is_quiet
    receive(dialogue, "response.created", response={})
    assert not dialogue.is_quiet


def test_trouble_is_shown_and_the_dialogue_goes_on(dialogue: Dialogue, page: Page) -> None:
    receive(dialogue, "error", error={"type": "server_error", "message": "It broke."})
    receive(dialogue, "sottovoce.engine.failed", engine="llm", message="The model is gone.", is_spoken=True)
    receive(dialogue, "an.event.of.the.future", novelty=1)
    assert page.lines == [("trouble", "It broke."), ("trouble", "The model is gone.")]


def test_what_is_no_event_is_an_error(dialogue: Dialogue) -> None:
    with pytest.raises(ValidationError):
        dialogue.receive("[]")


def test_playback_is_silence_where_there_is_nothing() -> None:
    playback = Playback()
    playback.push(b"\1\0\2\0")
    assert playback.pull(6) == b"\1\0\2\0\0\0"
    assert playback.pull(4) == bytes(4)


def test_playback_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MAX_PLAYBACK_BYTES", 4)
    playback = Playback()
    playback.push(b"abc")
    playback.push(b"def")
    assert playback.pull(8) == b"abcd\0\0\0\0"


def printed(*, is_terminal: bool) -> str:
    console = Console(file=io.StringIO(), force_terminal=is_terminal, width=60, highlight=False)
    captions = TerminalCaptions(console)
    captions.interim("You", "what ti")
    captions.final("You", "what time is it")
    captions.interim("Sottovoce", "It is")
    captions.final("Sottovoce", "It is", "noon.")
    captions.trouble("The model is gone.")
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_file_gets_final_captions_only() -> None:
    lines = printed(is_terminal=False).splitlines()
    assert [line.rstrip() for line in lines] == [
        "You:        what time is it",
        "Sottovoce:  It is [not heard: noon.]",
        "            The model is gone.",
    ]


def test_a_terminal_gets_interim_ones_too() -> None:
    shown = printed(is_terminal=True)
    assert "what ti" in shown
    assert "not heard" not in shown
