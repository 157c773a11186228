"""`sottovoce say`: which format is asked for, and what is in the file."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import av
import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sottovoce.audio.encode import ENCODINGS
from sottovoce.cli import engines
from sottovoce.cli.app import run
from sottovoce.cli.say import Format, find_format
from sottovoce.errors import ConfigError

SAMPLES = bytes(range(256)) * 200
"""About a second, mono s16le at 24 kHz."""


class Spoken(io.BytesIO):
    """Standard output, read after the program is done with it."""

    @property
    def buffer(self) -> Spoken:
        return self

    def isatty(self) -> bool:
        return False


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What a tts service, here in the test, is asked for; it speaks SAMPLES in odd chunks."""
    bodies: list[dict[str, Any]] = []

    async def speak(request: Request) -> Response:
        body = await request.json()
        bodies.append(body)
        encoding = ENCODINGS[body["response_format"]]

        def sound() -> bytes:
            encoder = encoding.encoder(24_000)
            return encoder.push(SAMPLES) + encoder.flush()

        return Response(await asyncio.to_thread(sound), media_type=encoding.media_type)

    app = Starlette(routes=[Route("/v1/audio/speech", speak, methods=["POST"])])

    @asynccontextmanager
    async def reach(*_: object) -> AsyncIterator[engines.Engine]:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(base_url="http://engine/v1/", transport=transport) as client:
            yield engines.Engine(client, "a-voice")

    monkeypatch.setattr(engines, "reach", reach)
    return bodies


def sound_of(data: bytes) -> tuple[str, float]:
    """The container's name and its length in seconds."""
    with av.open(io.BytesIO(data)) as container:
        frames = list(container.decode(audio=0))
        return container.format.name, sum(frame.samples / frame.sample_rate for frame in frames)


@pytest.mark.parametrize(
    ("output", "wanted", "found"),
    [
        (None, None, "pcm"),
        ("-", None, "wav"),
        ("-", Format.OPUS, "opus"),
        ("a.mp3", None, "mp3"),
        ("a.b/C.MP3", None, "mp3"),
        ("a.ogg", None, "opus"),
        ("a.opus", None, "opus"),
        ("a.aac", None, "aac"),
        ("a.flac", None, "flac"),
        ("a.wav", None, "wav"),
        ("a.raw", None, "pcm"),
        ("a", None, "wav"),
        ("a.mp3", Format.WAV, "wav"),
        ("a.sound", Format.MP3, "mp3"),
    ],
)
def test_the_format_is_named_or_read_off_the_suffix(
    output: str | None, wanted: Format | None, found: str
) -> None:
    assert find_format(output, wanted) == found


def test_every_format_of_the_service_can_be_named() -> None:
    assert set(Format) == set(ENCODINGS)


@pytest.mark.parametrize(
    ("output", "wanted", "cure"), [("a.m4a", None, "--format"), (None, Format.MP3, "--output")]
)
def test_what_cannot_be_meant_is_refused(output: str | None, wanted: Format | None, cure: str) -> None:
    with pytest.raises(ConfigError, match=cure):
        find_format(output, wanted)


@pytest.mark.parametrize(
    ("name", "container"), [("a.mp3", "mp3"), ("a.opus", "ogg"), ("a.aac", "aac"), ("a.flac", "flac")]
)
def test_a_file_is_written_as_it_comes(
    asked: list[dict[str, Any]], tmp_path: Path, name: str, container: str
) -> None:
    assert run(["say", "Hello", "-o", str(tmp_path / name), "--speed", "2"]) == 0
    found, seconds = sound_of((tmp_path / name).read_bytes())
    assert found == container
    assert seconds == pytest.approx(len(SAMPLES) / 48_000, abs=0.1)
    assert (asked[0]["input"], asked[0]["speed"], asked[0]["model"]) == ("Hello", 2.0, "a-voice")


@pytest.mark.usefixtures("asked")
def test_a_wav_file_knows_its_length(tmp_path: Path) -> None:
    assert run(["say", "Hello", "-o", str(tmp_path / "a.wav")]) == 0
    with wave.open(str(tmp_path / "a.wav")) as reader:
        assert (reader.getframerate(), reader.getnframes()) == (24_000, len(SAMPLES) // 2)
        assert reader.readframes(reader.getnframes()) == SAMPLES


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(("flags", "container"), [([], "wav"), (["--format", "flac"], "flac")])
def test_standard_output_takes_a_stream(
    monkeypatch: pytest.MonkeyPatch, flags: list[str], container: str
) -> None:
    spoken = Spoken()
    monkeypatch.setattr("sys.stdout", spoken)
    assert run(["say", "Hello", "-o", "-", *flags]) == 0
    assert sound_of(spoken.getvalue())[0] == container


@pytest.mark.usefixtures("asked")
def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.wav", "a.mp3"):
        assert run(["say", "Hello", "-o", str(tmp_path / "nowhere" / name)]) == 2
        assert "cannot be written" in capsys.readouterr().err
