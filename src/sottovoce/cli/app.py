"""The program `sottovoce`: its commands, and how their errors reach the user."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from sottovoce.cli import bench, doctor, key, models, say, serve, service, talk, transcribe, worker
from sottovoce.errors import ConfigError, SottovoceError

EXIT_FAILED = 1
EXIT_MISUSED = 2
"""Also what Typer answers to unknown flags."""

EPILOG = "Start with [bold]sottovoce serve[/bold], then open the address it prints."

app = typer.Typer(
    help="A private voice assistant: speech in, speech out, nothing leaves the machine.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

USE = "Use it"
LOOK = "Look after it"
PARTS = "Run one part alone"

app.command("serve", rich_help_panel=USE, epilog=serve.EPILOG)(serve.serve)
app.command("talk", rich_help_panel=USE, epilog=talk.EPILOG)(talk.talk)
app.command("say", rich_help_panel=USE, epilog=say.EPILOG)(say.say)
app.command("transcribe", rich_help_panel=USE, epilog=transcribe.EPILOG)(transcribe.transcribe)
app.command("doctor", rich_help_panel=LOOK, epilog=doctor.EPILOG)(doctor.doctor)
app.add_typer(models.app, name="models", rich_help_panel=LOOK)
app.add_typer(key.app, name="key", rich_help_panel=LOOK)
app.command("bench", rich_help_panel=LOOK, epilog=bench.EPILOG)(bench.bench)
app.command("stt", rich_help_panel=PARTS, epilog=service.EPILOG)(service.stt)
app.command("tts", rich_help_panel=PARTS, epilog=service.EPILOG)(service.tts)
app.command("llm", rich_help_panel=PARTS, epilog=service.EPILOG)(service.llm)
app.command("worker", rich_help_panel=PARTS, epilog=worker.EPILOG)(worker.worker)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        from sottovoce import __version__

        typer.echo(f"sottovoce {__version__}")
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """A private voice assistant: speech in, speech out, nothing leaves the machine."""


def main() -> None:
    """The entry point: exits 0, 1 for a failure, 2 for a wrong setting or flag, 130 after Ctrl-C."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line; what Sottovoce raises on purpose becomes one line on stderr."""
    try:
        app(args=list(arguments), prog_name="sottovoce")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else EXIT_FAILED
    except ConfigError as error:
        return _complain(error, EXIT_MISUSED)
    except SottovoceError as error:
        return _complain(error, EXIT_FAILED)
    return 0


def _complain(error: SottovoceError, code: int) -> int:
    typer.secho(f"error: {error.message}", fg="red", err=True)
    return code
