"""Models deleted from this machine, and compared with what was downloaded."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from sottovoce.cli.desk import remove_running
from sottovoce.cli.running import find_server
from sottovoce.config import Settings
from sottovoce.errors import ConfigError, NotFoundError
from sottovoce.models.catalogue import load_catalogue
from sottovoce.models.choice import read_choice, write_choice
from sottovoce.models.download_errors import DownloadBusy
from sottovoce.models.plan import in_use
from sottovoce.models.resolve import find_entry
from sottovoce.models.store import Manifest, Store
from sottovoce.models.unfinished import sole
from sottovoce.models.verify import Damage, verify


def remove(settings: Settings, id_: str, *, is_forced: bool) -> int:
    """Delete a model, here or by the server that runs; the bytes that this frees.

    Raises `NotFoundError`, `ConfigError` for a model in use, and `DownloadBusy`.
    """
    kind = in_use(settings).get(id_)
    entry = find_entry(id_, settings)
    if entry is None and kind is not None:
        raise ConfigError(f"{id_} is a model of your own, which lies elsewhere: delete it yourself.")
    entry = entry or load_catalogue(settings).get(id_)
    if kind is not None and not is_forced:
        raise ConfigError(
            f"{id_} is in use for {kind}. Choose another with `sottovoce models use`, or delete it all the "
            "same: --force"
        )
    if (server := find_server(settings)) is not None:
        return asyncio.run(remove_running(server, id_, entry.kind, is_forced=is_forced))
    store = Store(settings.home)
    with sole(store, id_):
        freed = store.remove(id_)
    if kind is not None and read_choice(settings.home).get(kind) == id_:
        write_choice(settings.home, kind, None)
    return freed


def discard_unfinished(settings: Settings) -> int:
    """Delete what broken-off downloads left; the bytes that this frees. One that runs is left alone."""
    store, freed = Store(settings.home), 0
    for id_ in store.unfinished():
        try:
            with sole(store, id_):
                freed += store.discard(id_)
        except DownloadBusy as error:
            typer.secho(f"warning: {error.message}", fg="yellow", err=True)
    return freed


def manifests(store: Store, id_: str) -> Sequence[Manifest]:
    """Of one model, or of all that were downloaded. Raises `NotFoundError`."""
    found = [each for each in store.all() if id_ in ("all", each.entry.id)]
    if not found and id_ != "all":
        raise NotFoundError(
            f"The model {id_!r} is not on this machine. `sottovoce models list` shows those that are."
        )
    return found


def compared(store: Store, manifest: Manifest) -> tuple[Damage, ...]:
    """The damaged files; a bar shows how far the reading is."""
    console = Console(stderr=True)
    columns = (TextColumn(f"Reading {manifest.entry.id}"), BarColumn(), DownloadColumn())
    total = sum(file.size_bytes for file in manifest.files.values())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=total)
        return verify(store, manifest, lambda count: progress.advance(task, count))


def print_damages(found: Mapping[str, Sequence[Damage]]) -> None:
    """What is damaged, and the cure."""
    if not found:
        typer.echo("There are no models here that were downloaded.", err=True)
    for name, damages in found.items():
        for damage in damages:
            text = f"{name}: {damage.file} {damage.how}. Cure: sottovoce models pull {name}"
            typer.secho(text, fg="red", err=True)
        if not damages:
            typer.echo(f"{name}: whole")
