"""`sottovoce key`: the server's own key, and keys with names and scopes for those who use it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sottovoce.cli import flags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sottovoce.gateway.keys import ApiKey, KeyStore

app = typer.Typer(help="Show, create, list and revoke the keys of the API.", no_args_is_help=True)

SCOPES_HELP = "What it opens: realtime, audio, chat or admin; give it several times. Default: all but admin."
SHOW_EPILOG = "Example: [bold]export OPENAI_API_KEY=$(sottovoce key show)[/bold]"
CREATE_EPILOG = (
    "Examples: [bold]sottovoce key create --name laptop[/bold]; "
    "[bold]sottovoce key create --name kitchen --scope realtime[/bold]"
)


@app.command(epilog=SHOW_EPILOG)
def show(
    is_quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print the key alone, as when a program reads it.")
    ] = False,
    home: flags.Home = None,
    config: flags.ConfigFile = None,
) -> None:
    """Print the server's own key, which opens everything, and where it lies; make it if there is none."""
    from sottovoce.gateway.server_key import KEY_FILE, load_or_create_key

    settings = flags.load_settings(config, home=home)
    key = load_or_create_key(settings)
    if is_quiet or not sys.stdout.isatty():
        typer.echo(key)
        return
    source = settings.home / KEY_FILE if settings.api_key is None else "SOTTOVOCE_API_KEY"
    typer.echo(f"key   {key}")
    typer.echo(f"from  {source}")


@app.command(epilog=CREATE_EPILOG)
def create(
    name: Annotated[str, typer.Option(help="Who or what will use it.")],
    scope: Annotated[list[str] | None, typer.Option(help=SCOPES_HELP)] = None,
    home: flags.Home = None,
    config: flags.ConfigFile = None,
) -> None:
    """Make a key and print it, this once: only its hash is kept. A running server knows it at once."""
    from sottovoce.errors import ConfigError
    from sottovoce.gateway.principal import SCOPES, USER_SCOPES

    unknown = [given for given in scope or () if given not in SCOPES]
    if unknown:
        raise ConfigError(f"--scope {unknown[0]}: there are {', '.join(SCOPES)}.")
    wanted = scope or USER_SCOPES
    key, secret = _store(home, config).create(name, tuple(each for each in SCOPES if each in wanted))
    typer.echo(f"{key.id}  {key.name}: {', '.join(key.scopes)}. The key is shown only now:", err=True)
    typer.echo(secret)


@app.command("list")
def list_keys(
    is_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    home: flags.Home = None,
    config: flags.ConfigFile = None,
) -> None:
    """List the keys that were created: id, name, scopes, when, and their last characters."""
    keys = _store(home, config).all()
    if is_json:
        typer.echo(json.dumps([asdict(key) for key in keys], indent=2))
    elif keys:
        _print_table(keys)
    else:
        typer.echo("There are none. The server's own key: sottovoce key show", err=True)


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(help="Its id or its name.")],
    home: flags.Home = None,
    config: flags.ConfigFile = None,
) -> None:
    """Revoke a key: a running server refuses it from now on and ends what is talked under it."""
    gone = _store(home, config).revoke(key)
    typer.echo(f"{gone.id}  {gone.name} is revoked.")


def _store(home: Path | None, config: Path | None) -> KeyStore:
    from sottovoce.gateway.keys import KEYS_FILE, KeyStore

    settings = flags.load_settings(config, home=home)
    return KeyStore(settings.home / KEYS_FILE)


def _print_table(keys: Sequence[ApiKey]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Id", "Name", "Scopes", "Created", "Ends in"):
        table.add_column(heading)
    for key in keys:
        created = f"{datetime.fromtimestamp(key.created).astimezone():%Y-%m-%d %H:%M}"
        table.add_row(key.id, escape(key.name), ", ".join(key.scopes), created, f"…{escape(key.hint)}")
    Console().print(table)
