"""`sottovoce models pull`: models fetched here, or by the server that runs, with the same bars."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from sottovoce.cli import flags

if TYPE_CHECKING:
    from rich.console import Console

    from sottovoce.config import Settings
    from sottovoce.models.download_job import Progress
    from sottovoce.models.entry import ModelEntry

EPILOG = (
    "Examples: [bold]sottovoce models pull kokoro-v1.0 --use[/bold]; "
    "[bold]sottovoce models pull --profile local[/bold] fetches the set that suits this machine. "
    "Ctrl-C stops it; the same command goes on where it was."
)
EXIT_INTERRUPTED = 130

ShowProgress = Callable[[str, "Progress"], None]


def pull(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids of models.", show_default=False)] = None,
    is_for_use: Annotated[bool, typer.Option("--use", help="Use each when it is there.")] = False,
    profile: Annotated[
        str | None, typer.Option(help="Fetch what this profile lacks: local or whisper.")
    ] = None,
    is_json: Annotated[bool, typer.Option("--json", help="Print JSON lines for programs.")] = False,
    host: flags.Host = None,
    port: flags.Port = None,
    home: flags.Home = None,
    config: flags.ConfigFile = None,
) -> None:
    """Download models, or mend damaged ones. What is broken off is gone on with."""
    from sottovoce.cli.pull_bars import bars

    settings = flags.load_settings(config, host=host, port=port, home=home, profile=profile)
    entries = _asked_for(settings, ids or [], of_profile=profile is not None)
    if not entries:
        if not is_json:
            typer.echo(f"Everything that the profile '{settings.profile}' needs is here.")
        return
    with _stoppable([entry.id for entry in entries]), bars(is_json=is_json) as shown:
        _pull(settings, entries, shown.show, is_for_use=is_for_use)
    if not is_json:
        _tell_end(entries, is_for_use=is_for_use)


def pull_missing(console: Console, settings: Settings) -> None:
    """Fetch what the profile needs and is not here, with bars on `console`. Raises `DownloadError`."""
    from sottovoce.cli.pull_bars import bars
    from sottovoce.models.plan import missing

    entries = missing(settings)
    if not entries:
        return
    console.print(f"Fetching what the profile '{settings.profile}' needs …")
    with _stoppable([entry.id for entry in entries]), bars(console) as shown:
        asyncio.run(_pull_here(settings, entries, shown.show))


def _asked_for(settings: Settings, ids: Sequence[str], *, of_profile: bool) -> list[ModelEntry]:
    """Each once. Raises `ConfigError`, `NotFoundError` with the nearest name."""
    from sottovoce.errors import ConfigError
    from sottovoce.models.catalogue import load_catalogue
    from sottovoce.models.plan import missing

    if not ids and not of_profile:
        raise ConfigError("Which model? `sottovoce models fit` says what suits this machine.")
    catalogue = load_catalogue(settings)
    entries = [*(catalogue.get(name) for name in ids), *(missing(settings) if of_profile else ())]
    return list({entry.id: entry for entry in entries}.values())


def _pull(settings: Settings, entries: Sequence[ModelEntry], show: ShowProgress, *, is_for_use: bool) -> None:
    """By the server that runs, else here."""
    from sottovoce.cli.pull_running import pull_running
    from sottovoce.cli.running import find_server

    server = find_server(settings)
    if server is not None:
        asyncio.run(pull_running(server, [entry.id for entry in entries], show, is_for_use=is_for_use))
        return
    asyncio.run(_pull_here(settings, entries, show))
    if is_for_use:
        _choose(settings, entries)


async def _pull_here(settings: Settings, entries: Sequence[ModelEntry], show: ShowProgress) -> None:
    """One after the other, the smallest first."""
    from sottovoce.models.damage import Damages
    from sottovoce.models.download import DownloadOptions, download
    from sottovoce.models.store import Store

    damages = Damages(Store(settings.home))
    for entry in sorted(entries, key=lambda entry: (entry.download, entry.id)):
        revision = await asyncio.to_thread(damages.revision_to_mend, entry)
        options = DownloadOptions(revision=revision)
        async with aclosing(download(entry, settings, options)) as told:
            async for progress in told:
                show(entry.id, progress)


def _choose(settings: Settings, entries: Sequence[ModelEntry]) -> None:
    from sottovoce.models.choice import write_choice

    for entry in entries:
        write_choice(settings.home, entry.kind, entry.id)


def _tell_end(entries: Sequence[ModelEntry], *, is_for_use: bool) -> None:
    names = ", ".join(entry.id for entry in entries)
    if is_for_use:
        typer.echo(f"{names}: here, whole, and chosen.")
    else:
        typer.echo(f"{names}: here and whole. Use it with: sottovoce models use {entries[0].id}")


@contextmanager
def _stoppable(ids: Sequence[str]) -> Iterator[None]:
    """Ctrl-C says how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        names = " ".join(ids)
        typer.echo(
            f"\nStopped. What has come is kept; this goes on with it: sottovoce models pull {names}", err=True
        )
        raise typer.Exit(EXIT_INTERRUPTED) from None
