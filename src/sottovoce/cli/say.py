"""`sottovoce say`: text to speech, aloud or into a file."""

from __future__ import annotations

import asyncio
import sys
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from sottovoce.cli import flags

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sottovoce.cli.engines import Engine
    from sottovoce.config import Settings

EPILOG = (
    "Examples: [bold]sottovoce say 'Dinner is ready'[/bold]; "
    "[bold]fortune | sottovoce say - -o fortune.wav[/bold]; [bold]sottovoce say Hello -o - | aplay[/bold]"
)


def say(
    text: Annotated[str, typer.Argument(help="What to say; - reads it from standard input.")],
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", help="Write a WAV file instead of playing; - is standard output."),
    ] = None,
    voice: Annotated[str, typer.Option(help="Which voice speaks.")] = "alloy",
    speed: Annotated[float, typer.Option(min=0.25, max=4.0, help="Pace, as a factor.")] = 1.0,
    host: flags.Host = None,
    port: flags.Port = None,
    home: flags.Home = None,
    config: flags.ConfigFile = None,
) -> None:
    """Say TEXT aloud, or write it to a WAV file."""
    settings = flags.load_settings(config, host=host, port=port, home=home)
    words = sys.stdin.read() if text == "-" else text
    body: dict[str, object] = {"input": words, "voice": voice, "speed": speed}
    asyncio.run(_say(settings, body, output))


async def _say(settings: Settings, body: dict[str, object], output: str | None) -> None:
    from sottovoce.cli.engines import reach

    async with reach(settings, "tts") as engine:
        if output == "-":
            async for chunk in _speech(engine, body, "wav"):
                sys.stdout.buffer.write(chunk)
            return
        with _sink(output) as write:
            async for chunk in _speech(engine, body, "pcm"):
                await asyncio.to_thread(write, chunk)


async def _speech(engine: Engine, body: dict[str, object], encoding: str) -> AsyncIterator[bytes]:
    """Whole samples as they come; pcm is 24 kHz mono s16le."""
    from sottovoce.cli.engines import check

    request = {**body, "model": engine.model, "response_format": encoding}
    rest = b""
    async with engine.client.stream("POST", "audio/speech", json=request) as reply:
        await check(reply, "tts")
        async for chunk in reply.aiter_bytes():
            rest += chunk
            whole = len(rest) & ~1
            yield rest[:whole]
            rest = rest[whole:]
    if rest and encoding == "wav":
        yield rest


def _sink(output: str | None) -> AbstractContextManager[Callable[[bytes], None]]:
    if output is not None:
        return wav_file(output)
    from sottovoce.cli.sound import loudspeaker

    return loudspeaker()


@contextmanager
def wav_file(path: str) -> Iterator[Callable[[bytes], None]]:
    """A function that appends 24 kHz mono s16le to the WAV file at `path`. Raises `ConfigError`."""
    from sottovoce.errors import ConfigError

    try:
        writer = wave.open(path, "wb")  # noqa: SIM115  closed below; opening is what may fail
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error
    with writer:
        writer.setparams((1, 2, 24_000, 0, "NONE", ""))
        yield writer.writeframesraw
