"""`sottovoce key show`: the key that API clients need."""

from __future__ import annotations

from typing import Annotated

import typer

from sottovoce.cli import flags

app = typer.Typer(help="The key that API clients need.", no_args_is_help=True)

EPILOG = "Example: [bold]export OPENAI_API_KEY=$(sottovoce key show --quiet)[/bold]"


@app.callback()
def _key() -> None:
    """The key that API clients need."""


@app.command(epilog=EPILOG)
def show(
    is_quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the key alone.")] = False,
    home: flags.Home = None,
    config: flags.ConfigFile = None,
) -> None:
    """Print the key and the file it lies in; make it where there is none yet."""
    from sottovoce.gateway.auth import KEY_FILE, load_or_create_key

    settings = flags.load_settings(config, home=home)
    key = load_or_create_key(settings)
    if is_quiet:
        typer.echo(key)
        return
    source = settings.home / KEY_FILE if settings.api_key is None else "SOTTOVOCE_API_KEY"
    typer.echo(f"key   {key}")
    typer.echo(f"from  {source}")
