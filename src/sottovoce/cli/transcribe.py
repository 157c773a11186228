"""`sottovoce transcribe`: speech in files to text."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sottovoce.cli import flags

if TYPE_CHECKING:
    from sottovoce.cli.engines import Engine
    from sottovoce.config import Settings

EPILOG = (
    "Any format that FFmpeg reads, films too. Examples: [bold]sottovoce transcribe memo.m4a[/bold]; "
    "[bold]sottovoce transcribe *.wav --json > texts.jsonl[/bold]"
)


def transcribe(
    files: Annotated[
        list[Path],
        typer.Argument(
            exists=True, dir_okay=False, readable=True, help="Audio or video files.", show_default=False
        ),
    ],
    is_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a file: its name and text.")
    ] = False,
    language: Annotated[
        str | None, typer.Option(help="Spoken language, such as en; guessed if absent.")
    ] = None,
    host: flags.Host = None,
    port: flags.Port = None,
    home: flags.Home = None,
    config: flags.ConfigFile = None,
) -> None:
    """Write down what is said in FILES, each to standard output."""
    settings = flags.load_settings(config, host=host, port=port, home=home)
    form = {"response_format": "json"} | ({"language": language} if language else {})
    failures = asyncio.run(_transcribe(settings, files, form, is_json=is_json))
    if failures:
        raise typer.Exit(1)


async def _transcribe(settings: Settings, files: list[Path], form: dict[str, str], *, is_json: bool) -> int:
    """How many files could not be read; the others are printed all the same."""
    from rich.console import Console
    from rich.progress import track

    from sottovoce.cli.engines import reach
    from sottovoce.errors import InvalidRequestError

    failures = 0
    console = Console(stderr=True)
    async with reach(settings, "stt") as engine:
        for file in track(
            files, "Transcribing", console=console, transient=True, disable=not console.is_terminal
        ):
            try:
                text = await _text_of(engine, file, form)
            except InvalidRequestError as error:
                failures += 1
                typer.secho(f"error: {file}: {error.message}", fg="red", err=True)
            else:
                _print(file, text, is_json=is_json, is_one_of_many=len(files) > 1)
    return failures


async def _text_of(engine: Engine, file: Path, form: dict[str, str]) -> str:
    from pydantic import BaseModel

    from sottovoce.cli.engines import check

    class Transcription(BaseModel):
        text: str

    with file.open("rb") as content:
        reply = await engine.client.post(
            "audio/transcriptions", data={**form, "model": engine.model}, files={"file": (file.name, content)}
        )
    await check(reply, "stt")
    return Transcription.model_validate_json(reply.content).text


def _print(file: Path, text: str, *, is_json: bool, is_one_of_many: bool) -> None:
    if is_json:
        typer.echo(json.dumps({"file": str(file), "text": text}, ensure_ascii=False))
    else:
        typer.echo(f"{file}: {text}" if is_one_of_many else text)
