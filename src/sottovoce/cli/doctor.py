"""`sottovoce doctor`: what this machine has, what is wrong and the cure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from sottovoce.cli import flags

if TYPE_CHECKING:
    from sottovoce.cli.finding import Finding

EPILOG = "Exits with 1 if something is broken. Example: [bold]sottovoce doctor --json | jq .findings[/bold]"
MARKS = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "broken": "[red]broken[/]"}


def doctor(
    is_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    host: flags.Host = None,
    port: flags.Port = None,
    home: flags.Home = None,
    config: flags.ConfigFile = None,
) -> None:
    """Look over this machine: what it has, what each profile needs, what is wrong and the cure."""
    from sottovoce.cli.checks import examine
    from sottovoce.cli.finding import Finding
    from sottovoce.errors import ConfigError

    try:
        settings = flags.load_settings(config, host=host, port=port, home=home)
    except ConfigError as error:
        findings = [Finding("Settings", "broken", error.message, "Correct it; see docs/settings.md")]
    else:
        findings = list(examine(settings))
    _print_json(findings) if is_json else _print_tables(findings)
    if any(finding.state == "broken" for finding in findings):
        raise typer.Exit(1)


def _print_json(findings: Sequence[Finding]) -> None:
    import json

    from sottovoce import __version__
    from sottovoce.cli.checks import PROFILES

    report = {
        "version": __version__,
        "is_ok": all(finding.state != "broken" for finding in findings),
        "findings": [asdict(finding) for finding in findings],
        "profiles": [asdict(profile) for profile in PROFILES],
    }
    typer.echo(json.dumps(report, indent=2))


def _print_tables(findings: Sequence[Finding]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from sottovoce.cli.checks import PROFILES

    console = Console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", "What", "Found"):
        table.add_column(heading)
    for finding in findings:
        cure = f"\n[bold]Cure:[/] {escape(finding.cure)}" if finding.cure else ""
        table.add_row(MARKS[finding.state], finding.name, escape(finding.detail) + cure)
    console.print(table)
    profiles = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Profile", "Engines", "Needs"):
        profiles.add_column(heading)
    for profile in PROFILES:
        profiles.add_row(profile.name, profile.parts, profile.needs)
    profiles.add_row(
        "any part by URL", "an OpenAI-compatible server", "SOTTOVOCE_STT_URL, _LLM_URL, _TTS_URL"
    )
    console.print()
    console.print(profiles)
