"""`sottovoce say`: text to speech, aloud or into a file."""

from __future__ import annotations

import asyncio
import sys
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, contextmanager, nullcontext
from enum import StrEnum
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from sottovoce.cli import flags

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sottovoce.cli.engines import Engine
    from sottovoce.config import Settings

EPILOG = (
    "Examples: [bold]sottovoce say 'Dinner is ready'[/bold]; "
    "[bold]fortune | sottovoce say - -o fortune.mp3[/bold]; [bold]sottovoce say Hello -o - | aplay[/bold]"
)


class Format(StrEnum):
    """The formats of the speech route."""

    MP3 = "mp3"
    OPUS = "opus"
    AAC = "aac"
    FLAC = "flac"
    WAV = "wav"
    PCM = "pcm"


SUFFIXES = {f".{one}": one for one in Format} | {
    ".ogg": Format.OPUS,
    ".oga": Format.OPUS,
    ".wave": Format.WAV,
    ".raw": Format.PCM,
    "": Format.WAV,
}


def say(
    text: Annotated[str, typer.Argument(help="What to say; - reads it from standard input.")],
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", help="Write a file instead of playing; - is standard output."),
    ] = None,
    wanted: Annotated[
        Format | None,
        typer.Option(
            "--format", "-f", help="Of the output; else its suffix says, and without one it is wav."
        ),
    ] = None,
    voice: Annotated[str, typer.Option(help="Which voice speaks.")] = "alloy",
    speed: Annotated[float, typer.Option(min=0.25, max=4.0, help="Pace, as a factor.")] = 1.0,
    host: flags.Host = None,
    port: flags.Port = None,
    home: flags.Home = None,
    config: flags.ConfigFile = None,
) -> None:
    """Say TEXT aloud, or write it to a file."""
    settings = flags.load_settings(config, host=host, port=port, home=home)
    encoding = find_format(output, wanted)
    words = sys.stdin.read() if text == "-" else text
    body: dict[str, object] = {"input": words, "voice": voice, "speed": speed}
    asyncio.run(_say(settings, body, output, encoding))


def find_format(output: str | None, wanted: Format | None) -> Format:
    """What to write to `output`; a loudspeaker takes pcm. Raises `ConfigError`."""
    from sottovoce.errors import ConfigError

    if output is None:
        if wanted is not None:
            raise ConfigError("--format is for a file: name one with --output, or - for standard output.")
        return Format.PCM
    suffix = "" if output == "-" else PurePath(output).suffix.lower()
    if wanted is None and suffix not in SUFFIXES:
        known = ", ".join(Format)
        raise ConfigError(f"{output}: {suffix} names no format; use --format, one of {known}.")
    return wanted or SUFFIXES[suffix]


async def _say(settings: Settings, body: dict[str, object], output: str | None, encoding: Format) -> None:
    from sottovoce.cli.engines import reach

    # a file's header gets its true length, which a stream's cannot
    is_wav_file = encoding == Format.WAV and output != "-"
    async with reach(settings, "tts") as engine:
        with _sink(output, is_wav_file=is_wav_file) as write:
            async for chunk in _speech(engine, body, Format.PCM if is_wav_file else encoding):
                await asyncio.to_thread(write, chunk)


async def _speech(engine: Engine, body: dict[str, object], encoding: Format) -> AsyncIterator[bytes]:
    """The reply as it comes; pcm is 24 kHz mono s16le, in whole samples."""
    from sottovoce.cli.engines import check

    request = {**body, "model": engine.model, "response_format": encoding}
    rest = b""
    async with engine.client.stream("POST", "audio/speech", json=request) as reply:
        await check(reply, "tts")
        async for chunk in reply.aiter_bytes():
            rest += chunk
            whole = len(rest) & ~1 if encoding == Format.PCM else len(rest)
            yield rest[:whole]
            rest = rest[whole:]


def _sink(output: str | None, *, is_wav_file: bool) -> AbstractContextManager[Callable[[bytes], object]]:
    if output == "-":
        return nullcontext(sys.stdout.buffer.write)
    if output is not None:
        return wav_file(output) if is_wav_file else _bare_file(output)
    from sottovoce.cli.sound import loudspeaker

    return loudspeaker()


@contextmanager
def wav_file(path: str) -> Iterator[Callable[[bytes], None]]:
    """A function that appends 24 kHz mono s16le to the WAV file at `path`. Raises `ConfigError`."""
    with _opened(path) as file, wave.open(file, "wb") as writer:
        writer.setparams((1, 2, 24_000, 0, "NONE", ""))
        yield writer.writeframesraw


@contextmanager
def _bare_file(path: str) -> Iterator[Callable[[bytes], object]]:
    with _opened(path) as file:
        yield file.write


def _opened(path: str) -> BinaryIO:
    from sottovoce.errors import ConfigError

    try:
        return open(path, "wb")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error
