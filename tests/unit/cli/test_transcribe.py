"""What `transcribe` asks for and prints, with the test as the service."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from sottovoce.cli import transcribe
from sottovoce.cli.app import run
from sottovoce.cli.engines import Engine
from sottovoce.cli.transcribe import Format, Wish
from sottovoce.errors import EngineUnavailable, InvalidRequestError

EVENTS = (
    ": listening\n\n"
    'data: {"type": "transcript.text.delta", "delta": "tell me"}\n\n'
    'data: {"type": "transcript.text.delta", "delta": " a joke"}\n\n'
)
END = 'data: {"type": "transcript.text.done", "text": "tell me a joke"}\n\ndata: [DONE]\n\n'
FAULT = {"message": "The file is empty.", "type": "invalid_request_error", "param": "file", "code": None}


@pytest.fixture(autouse=True)
def _nothing_blocks_the_loop() -> None:
    """In place of the fixture of all unit tests: a command does one thing at a time, and reads its file."""


@pytest.fixture(autouse=True)
def _no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused flags start nothing."""

    def reach(*arguments: object) -> None:
        raise AssertionError("an engine was started")

    monkeypatch.setattr("sottovoce.cli.engines.reach", reach)


class Service:
    """Answers every request with `reply` and keeps the forms."""

    def __init__(self, reply: httpx.Response) -> None:
        self.reply = reply
        self.forms: list[str] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.forms.append((await request.aread()).decode(errors="replace"))
        return self.reply


async def printed(
    reply: httpx.Response, wish: Wish, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[str, str]:
    """What comes on standard output for a file, and the form that was sent."""
    file = tmp_path / "memo.wav"
    file.write_bytes(b"sound")
    service = Service(reply)
    transport = httpx.MockTransport(service)
    async with httpx.AsyncClient(base_url="http://stt/v1/", transport=transport) as client:
        show = transcribe._print_live if wish.is_live else transcribe._print
        await show(Engine(client, "whisper-1"), file, wish)
    (form,) = service.forms
    return capsys.readouterr().out, form


@pytest.mark.parametrize(
    ("wish", "out"),
    [
        (Wish(), "tell me a joke\n"),
        (Wish(is_lines=True), '{"file": "PATH", "text": "tell me a joke"}\n'),
        (Wish(is_one_of_many=True), "PATH: tell me a joke\n"),
        (Wish(Format.JSON), '{"text": "tell me a joke"}\n'),
    ],
)
async def test_a_text_is_printed(
    wish: Wish, out: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reply = httpx.Response(200, text='\n\n{"text": "tell me a joke"}')
    said, form = await printed(reply, wish, tmp_path, capsys)
    assert said == out.replace("PATH", str(tmp_path / "memo.wav"))
    assert 'name="model"\r\n\r\nwhisper-1' in form
    assert 'filename="memo.wav"' in form


async def test_captions_are_printed_as_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    captions = "\n1\n00:00:00,000 --> 00:00:01,000\ntell me a joke\n"
    wish = Wish(Format.SRT, language="en")
    said, form = await printed(httpx.Response(200, text=captions), wish, tmp_path, capsys)
    assert said == captions.lstrip()
    assert 'name="response_format"\r\n\r\nsrt' in form
    assert 'name="language"\r\n\r\nen' in form


def events(text: str) -> httpx.Response:
    return httpx.Response(200, text=text, headers={"content-type": "text/event-stream"})


async def test_words_are_printed_as_they_come(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said, form = await printed(events(EVENTS + END), Wish(is_live=True), tmp_path, capsys)
    assert said == "tell me a joke\n"
    assert 'name="stream"\r\n\r\ntrue' in form
    said, _ = await printed(events(EVENTS + END), Wish(is_live=True, is_one_of_many=True), tmp_path, capsys)
    assert said == f"{tmp_path / 'memo.wav'}: tell me a joke\n"


async def test_a_service_that_does_not_stream_is_printed_at_its_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reply = httpx.Response(200, json={"text": "tell me a joke"})
    said, _ = await printed(reply, Wish(is_live=True), tmp_path, capsys)
    assert said == "tell me a joke\n"


async def test_a_stream_that_fails_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = f"event: error\ndata: {json.dumps({'type': 'error', 'error': FAULT})}\n\n"
    with pytest.raises(EngineUnavailable, match="The file is empty"):
        await printed(events(EVENTS + error), Wish(is_live=True), tmp_path, capsys)
    assert capsys.readouterr().out == "tell me a joke\n"


@pytest.mark.parametrize("is_live", [True, False])
async def test_a_refusal_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str], is_live: bool) -> None:
    with pytest.raises(InvalidRequestError, match="The file is empty"):
        await printed(httpx.Response(400, json={"error": FAULT}), Wish(is_live=is_live), tmp_path, capsys)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("flags", "fault"),
    [
        (["--json", "--stream"], "--json"),
        (["--json", "-f", "srt"], "--json"),
        (["--stream", "-f", "vtt"], "--stream"),
        (["-f", "srt", __file__], "one file"),
        (["-f", "docx"], "docx"),
    ],
)
def test_flags_that_contradict_each_other_are_refused(
    flags: list[str], fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["transcribe", __file__, *flags]) == 2
    assert fault in capsys.readouterr().err
