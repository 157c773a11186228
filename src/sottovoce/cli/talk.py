"""`sottovoce talk`: a conversation in the terminal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sottovoce.cli import flags
from sottovoce.errors import EngineUnavailable

if TYPE_CHECKING:
    from sottovoce.cli.running import RunningServer
    from sottovoce.config import Settings
    from sottovoce.services.supervisor import Supervisor

EPILOG = (
    "Wear headphones, else the assistant hears itself. Without a sound device: "
    "[bold]sottovoce talk --input question.wav --output answer.wav[/bold]. Ctrl-C ends the conversation."
)


def talk(
    input: Annotated[  # noqa: A002  the flag's name
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Speak this audio file instead of the microphone."),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Write the answers to this WAV file.")] = None,
    host: flags.Host = None,
    port: flags.Port = None,
    home: flags.Home = None,
    config: flags.ConfigFile = None,
) -> None:
    """Talk in the terminal, with a running server or one started for the conversation."""
    if (input is None) != (output is None):
        raise typer.BadParameter(
            "--input and --output belong together; without both, sound devices are used."
        )
    settings = flags.load_settings(config, host=host, port=port, home=home)
    asyncio.run(_talk(settings, input, output))


async def _talk(settings: Settings, source: Path | None, target: Path | None) -> None:
    from rich.console import Console

    from sottovoce.cli import call
    from sottovoce.cli.captions import TerminalCaptions

    captions = TerminalCaptions(Console(highlight=False))
    async with _server(settings) as server:
        try:
            if source is None or target is None:
                typer.echo("Say something. Ctrl-C ends the conversation.", err=True)
                await call.with_devices(server, captions)
            else:
                await call.with_files(server, captions, source, target)
        finally:
            captions.close()


@asynccontextmanager
async def _server(settings: Settings) -> AsyncIterator[RunningServer]:
    """The one that runs, else one of our own on a free port with a key of its own."""
    import secrets

    from sottovoce.cli.engines import waiting_told
    from sottovoce.cli.hosting import hosted
    from sottovoce.cli.lines import line_up
    from sottovoce.cli.preferred import warn
    from sottovoce.cli.running import find_server
    from sottovoce.config import ENGINE_KINDS
    from sottovoce.http.server import listen

    server = await asyncio.to_thread(find_server, settings)
    if server is not None:
        yield server
        return
    typer.echo("No server runs here; starting the engines …", err=True)
    await asyncio.to_thread(warn, settings, *ENGINE_KINDS)
    async with hosted(settings, listen("127.0.0.1", 0), secrets.token_urlsafe(32)) as own:
        with waiting_told(lambda: "; ".join(line_up(own.supervisor.statuses()))):
            await _until_settled(own.supervisor)
        yield own.server


async def _until_settled(supervisor: Supervisor) -> None:
    """The preferred engines are waited for, as whoever talks here wants to talk with them.

    Raises `EngineError` where a kind has nobody.
    """
    async for statuses in supervisor.changes():
        for kind, status in statuses.items():
            if status.state == "failed":
                message = f"The {kind} engine failed: {status.reason}. Cure: sottovoce doctor"
                raise EngineUnavailable(message, engine=kind)
        if all(status.is_settled for status in statuses.values()):
            return
