"""What suits this machine, in words, and the benchmark that finds it out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import typer

from sottovoce.cli.inventory import Item
from sottovoce.cli.measuring import measure, read_recordings
from sottovoce.cli.model_tables import size
from sottovoce.config import Settings
from sottovoce.errors import EngineError, NotFoundError
from sottovoce.models.catalogue import load_catalogue
from sottovoce.models.fit import best_set
from sottovoce.models.installed import InstalledModel
from sottovoce.models.machine import GIB, Machine, counted_cores, this_machine
from sottovoce.models.measured import Measured, read_measured, write_measured
from sottovoce.models.plan import in_use
from sottovoce.models.resolve import kind_of, resolve
from sottovoce.models.store import Store


def measure_all(settings: Settings, reference: str | None) -> None:
    """Run one model, or all that are here, and remember how fast they were.

    Raises `ConfigError`, `NotFoundError`, and `EngineError` where the one that is named does not work.
    """
    machine, recordings = this_machine(), read_recordings()
    for model in _models(settings, reference):
        try:
            run = asyncio.run(measure(model, settings, machine, recordings, _say))
        except EngineError as error:
            if reference is not None:
                raise
            typer.secho(f"{model.id}: {error.message}", fg="red", err=True)
            continue
        write_measured(settings.home, run)
        typer.echo(f"{model.id}: {speed(run)}")


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _models(settings: Settings, reference: str | None) -> list[InstalledModel]:
    if reference is not None:
        return [resolve(reference, kind_of(reference, settings), settings)]
    store = Store(settings.home)
    found = [store.installed(manifest.entry) for manifest in store.all()]
    here = [model for model in found if model is not None]
    if not here:
        raise NotFoundError(
            "No model is here to be measured. Name one, or download one first: "
            "sottovoce models pull kokoro-v1.0"
        )
    return here


def proposal(settings: Settings, items: Sequence[Item], languages: tuple[str, ...], *, is_json: bool) -> None:
    """The set for this machine, and what stands in the way of better ones."""
    machine = this_machine()
    chosen = best_set(machine, languages, load_catalogue(settings), read_measured(settings.home, machine))
    ids = [entry.id for entry in chosen]
    if is_json:
        typer.echo(json.dumps(_report(machine, items, ids), indent=2, ensure_ascii=False))
        return
    typer.echo(described(machine))
    if not chosen:
        typer.echo(
            f"No model of the catalogue fits it for {', '.join(languages)}: the embedded engines serve."
        )
    for item in items:
        if item.entry.id in ids:
            typer.echo(f"  {item.entry.kind}  {item.entry.id:<24} {item.entry.title} ({_to_get(item)})")
    lacking = [item for item in items if item.entry.id in ids and not item.is_here]
    if lacking:
        typer.echo(f"Get them: sottovoce models pull {' '.join(item.entry.id for item in lacking)}")
    used = in_use(settings)
    for item in items:
        if item.entry.id in used and item.fit.verdict != "fits":
            typer.secho(f"{item.entry.id} is in use: it {in_words(item)}", fg="yellow")


def _report(machine: Machine, items: Sequence[Item], ids: Sequence[str]) -> dict[str, object]:
    return {
        "machine": {
            "cpu": machine.cpu,
            "cores": machine.cores,
            "memory_bytes": machine.memory_bytes,
            "gpu": machine.graphics.name or None,
        },
        "set": list(ids),
        "models": [item.as_json() for item in items if not item.entry.is_embedded],
    }


def described(machine: Machine) -> str:
    """The machine in one line."""
    cores, gpu = counted_cores(machine.cores), machine.graphics.name or "no GPU"
    return f"This machine: {cores}, {machine.memory_bytes / GIB:.1f} GB of memory, {gpu}."


def in_words(item: Item) -> str:
    """Whether a model fits, why not, and what to take instead: what follows its name."""
    found = item.fit
    if found.verdict == "fits":
        return f"fits this machine: it {found.reason}." if found.is_measured else "fits this machine."
    instead = f" Take {found.smaller} instead." if found.smaller else ""
    verb = "is tight on" if found.verdict == "tight" else "is too much for"
    return f"{verb} this machine: it {found.reason}.{instead}"


def speed(run: Measured) -> str:
    """What was measured, in words."""
    parts = []
    if run.real_time_factor is not None:
        parts.append(f"{run.real_time_factor:.3g} s of computing for a second of speech")
    if run.tokens_per_second is not None:
        parts.append(f"{run.tokens_per_second:.1f} tokens a second")
    if run.first_token is not None:
        parts.append(f"first token of a new prompt after {run.first_token:.1f} s")
    if run.memory_bytes:
        parts.append(f"{run.memory_bytes / GIB:.1f} GB of memory")
    return ", ".join([*parts, f"loaded in {run.load_seconds:.1f} s"])


def _to_get(item: Item) -> str:
    """What it takes to have it; entries of users may tell neither size nor licence."""
    if item.is_here:
        return "here"
    weight = f"{size(item.size_bytes)} to download" if item.size_bytes else "to download"
    return f"{weight}, {item.entry.license}" if item.entry.license else weight
