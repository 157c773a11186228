"""`sottovoce models`: what there is, what fits, and which model is used."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from sottovoce.cli import flags, pull

if TYPE_CHECKING:
    from sottovoce.cli.inventory import Item
    from sottovoce.config import Settings
    from sottovoce.models.installed import InstalledModel

app = typer.Typer(
    help="See, download, choose and remove models.",
    epilog=(
        "Start with [bold]sottovoce models fit[/bold], which says what suits this machine; then "
        "[bold]sottovoce models pull kokoro-v1.0[/bold] and [bold]sottovoce models use kokoro-v1.0[/bold]. "
        "docs/models.md has more."
    ),
    no_args_is_help=True,
)


class Kind(StrEnum):
    """What a model is for: hearing, answering, speaking."""

    STT = "stt"
    LLM = "llm"
    TTS = "tts"


LIST_EPILOG = (
    "Examples: [bold]sottovoce models list --all --kind llm[/bold]; "
    "[bold]sottovoce models list --json | jq '.[] | select(.role == \"in use\").id'[/bold]"
)
USE_EPILOG = (
    "Examples: [bold]sottovoce models use kokoro-v1.0[/bold]; "
    "[bold]sottovoce models use ~/models/Qwen3-4B-Q4_K_M.gguf[/bold]; "
    "[bold]sottovoce models use ./sherpa-onnx-whisper-small[/bold]; "
    "[bold]sottovoce models use embedded --kind stt[/bold] goes back."
)
RM_EPILOG = (
    "Examples: [bold]sottovoce models rm qwen3-4b[/bold]; [bold]sottovoce models rm --unfinished[/bold] "
    "deletes the downloads that were broken off."
)
VERIFY_EPILOG = "Exits with 1 if a file is damaged. Example: [bold]sottovoce models verify all[/bold]"
FIT_EPILOG = (
    "Examples: [bold]sottovoce models fit[/bold] proposes a set for this machine; "
    "[bold]sottovoce models fit --language de[/bold] one for German; "
    "[bold]sottovoce models fit qwen3-4b --measure[/bold] runs a model that is here for ten seconds and "
    "remembers how fast it was."
)

KIND_HELP = "Only models for hearing (stt), answering (llm) or speaking (tts)."


@app.command("list", epilog=LIST_EPILOG)
def list_models(
    kind: Annotated[Kind | None, typer.Option(help=KIND_HELP)] = None,
    is_all: Annotated[
        bool, typer.Option("--all", "-a", help="Also models that do not fit this machine.")
    ] = False,
    is_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    home: flags.Home = None,
    config: flags.ConfigFile = None,
) -> None:
    """List the models: those that are here, in use, or would fit this machine."""
    from sottovoce.cli.inventory import inventory, of_kind
    from sottovoce.cli.model_tables import print_models
    from sottovoce.models.plan import troubles

    settings = flags.load_settings(config, home=home)
    items = of_kind(inventory(settings), None if kind is None else kind.value)
    shown = [item for item in items if is_all or item.is_here or item.role or item.fit.verdict != "no"]
    if is_json:
        typer.echo(json.dumps([item.as_json() for item in shown], indent=2, ensure_ascii=False))
        return
    print_models(shown, left_out=len(items) - len(shown))
    for trouble in troubles(settings).values():
        typer.secho(f"warning: {trouble}", fg="yellow", err=True)


app.command(epilog=pull.EPILOG)(pull.pull)


@app.command(epilog=USE_EPILOG)
def use(
    reference: Annotated[
        str, typer.Argument(help="A model's id, a folder, a .gguf file, or embedded.", show_default=False)
    ],
    kind: Annotated[
        Kind | None, typer.Option(help="For what; the model itself says, but for embedded.")
    ] = None,
    host: flags.Host = None,
    port: flags.Port = None,
    home: flags.Home = None,
    config: flags.ConfigFile = None,
) -> None:
    """Use a model from now on. A running server takes it at once, without a gap; else the next one will."""
    settings = flags.load_settings(config, host=host, port=port, home=home)
    _use(settings, reference, kind)


def _use(settings: Settings, reference: str, kind: Kind | None) -> None:
    from sottovoce.cli.desk import use_running
    from sottovoce.cli.running import find_server
    from sottovoce.models.choice import write_choice
    from sottovoce.models.resolve import reference_of

    model = _resolved(settings, reference, kind)
    wanted, name = model.entry.kind, reference_of(model, settings)
    _warn_of_settings(settings, model)
    server = find_server(settings)
    if server is not None:
        asyncio.run(use_running(server, wanted, name, model.id))
        typer.echo(f"{wanted}: {model.id} is in use.")
        return
    write_choice(settings.home, wanted, name)
    typer.echo(f"{wanted}: {model.id} will be used from the next `sottovoce serve` on.")


def _resolved(settings: Settings, reference: str, kind: Kind | None) -> InstalledModel:
    """The model that is meant, which has to be here. Raises `ConfigError`, `ModelMissing`."""
    from sottovoce.errors import ConfigError
    from sottovoce.models.resolve import EMBEDDED_REFERENCE, kind_of, resolve

    if kind is None and reference == EMBEDDED_REFERENCE:
        raise ConfigError("Each kind has an embedded model: say which with --kind stt, llm or tts.")
    wanted = kind.value if kind is not None else kind_of(reference, settings)
    return resolve(reference, wanted, settings)


def _warn_of_settings(settings: Settings, model: InstalledModel) -> None:
    """Where a setting stands in the way of the choice. Raises `ConfigError` where it always will."""
    from sottovoce.errors import ConfigError

    kind = model.entry.kind
    if settings.profile == "embedded" and model.path is not None:
        raise ConfigError(
            "SOTTOVOCE_PROFILE=embedded runs embedded engines alone. Unset it, or set it to auto.",
            param="profile",
        )
    own = settings.engine(kind)
    setting = "URL" if own.is_external else "MODEL" if own.model is not None else None
    if setting is not None:
        variable = f"SOTTOVOCE_{kind.upper()}_{setting}"
        typer.secho(f"warning: {variable} is set and wins over what is chosen here.", fg="yellow", err=True)


@app.command(epilog=RM_EPILOG)
def rm(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids of models.", show_default=False)] = None,
    is_forced: Annotated[
        bool, typer.Option("--force", "-f", help="Also a model that is in use; the next in line takes over.")
    ] = False,
    is_unfinished: Annotated[bool, typer.Option("--unfinished", help="Delete unfinished downloads.")] = False,
    host: flags.Host = None,
    port: flags.Port = None,
    home: flags.Home = None,
    config: flags.ConfigFile = None,
) -> None:
    """Delete models from this machine. They can be downloaded again."""
    from sottovoce.cli.model_files import discard_unfinished, remove
    from sottovoce.cli.model_tables import size
    from sottovoce.errors import ConfigError

    settings = flags.load_settings(config, host=host, port=port, home=home)
    if not ids and not is_unfinished:
        raise ConfigError("Which model? `sottovoce models list` shows those that are here.")
    freed = sum(remove(settings, each, is_forced=is_forced) for each in ids or ())
    freed += discard_unfinished(settings) if is_unfinished else 0
    typer.echo(f"{size(freed)} freed.")


@app.command(epilog=VERIFY_EPILOG)
def verify(
    id_: Annotated[str, typer.Argument(metavar="ID|all", help="A model that is here, or all.")] = "all",
    is_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    home: flags.Home = None,
    config: flags.ConfigFile = None,
) -> None:
    """Read every byte of a model and compare it with what was downloaded."""
    from sottovoce.cli.model_files import compared, manifests, print_damages
    from sottovoce.models.store import Store

    settings = flags.load_settings(config, home=home)
    store = Store(settings.home)
    found = {each.entry.id: compared(store, each) for each in manifests(store, id_)}
    if is_json:
        report = {name: [asdict(damage) for damage in damages] for name, damages in found.items()}
        typer.echo(json.dumps(report, indent=2))
    else:
        print_damages(found)
    if any(found.values()):
        raise typer.Exit(1)


@app.command(epilog=FIT_EPILOG)
def fit(
    reference: Annotated[
        str | None,
        typer.Argument(
            metavar="[MODEL]", help="One model alone: an id, a folder, a file.", show_default=False
        ),
    ] = None,
    is_measured: Annotated[
        bool, typer.Option("--measure", help="Run the models that are here, ten seconds each.")
    ] = False,
    languages: Annotated[
        list[str] | None,
        typer.Option("--language", help="That the set has to speak; several times for several."),
    ] = None,
    is_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    home: flags.Home = None,
    config: flags.ConfigFile = None,
) -> None:
    """Say what suits this machine and why; which smaller model to take where one is too large."""
    from sottovoce.cli.fitting import measure_all, proposal
    from sottovoce.cli.inventory import inventory

    settings = flags.load_settings(config, home=home)
    if is_measured:
        measure_all(settings, reference)
    items = inventory(settings)
    if reference is None:
        proposal(settings, items, tuple(languages or ("en",)), is_json=is_json)
    else:
        _print_fit(settings, items, reference, is_json=is_json)


def _print_fit(settings: Settings, items: Sequence[Item], reference: str, *, is_json: bool) -> None:
    """Exits with 1 where the model does not fit."""
    from sottovoce.cli.fitting import in_words
    from sottovoce.cli.inventory import item_of
    from sottovoce.models.resolve import kind_of, resolve

    item = next((item for item in items if item.entry.id == reference), None)
    if item is None:  # a folder or a file, or nothing
        item = item_of(resolve(reference, kind_of(reference, settings), settings), settings)
    if is_json:
        typer.echo(json.dumps(item.as_json(), indent=2, ensure_ascii=False))
    else:
        typer.echo(f"{item.entry.id} {in_words(item)}")
    if item.fit.verdict == "no":
        raise typer.Exit(1)
