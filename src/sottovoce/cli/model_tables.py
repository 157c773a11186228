"""Models as tables and sizes, for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sottovoce.cli.inventory import Item

GB, MB, KB = 10**9, 10**6, 10**3
SHOWN_LANGUAGES = 4

VERDICTS = {"fits": "[green]fits[/]", "tight": "[yellow]tight[/]", "no": "[red]does not fit[/]"}
PRESENCES = {
    "embedded": "built in",
    "here": "[green]here[/]",
    "changed": "[red]changed[/]",
    "unfinished": "[yellow]unfinished[/]",
    "absent": "",
}


def print_models(items: Sequence[Item], left_out: int = 0) -> None:
    """A line for each, and how many do not fit."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Id", "For", "Languages", "Size", "Licence", "State", "Fit"):
        table.add_column(heading, justify="right" if heading == "Size" else "left", no_wrap=heading == "Id")
    for item in items:
        entry = item.entry
        state = " ".join(part for part in (PRESENCES[item.presence], escape(item.detail)) if part)
        role = f"[bold]{item.role}[/]" if item.role else ""
        table.add_row(
            escape(entry.id),
            entry.kind,
            some_languages(entry.languages),
            size(item.size_bytes) if item.size_bytes else "",
            escape(entry.license),
            ", ".join(part for part in (role, state) if part),
            _fit(item),
        )
    console = Console()
    console.print(table)
    if left_out:
        console.print(f"[dim]{left_out} more do not fit this machine; --all shows them.[/]")


def some_languages(languages: Sequence[str]) -> str:
    """Some of the languages, each once, and how many more there are."""
    plain = list(dict.fromkeys(tag.partition("-")[0] for tag in languages))
    more = f" +{len(plain) - SHOWN_LANGUAGES}" if len(plain) > SHOWN_LANGUAGES else ""
    return " ".join(plain[:SHOWN_LANGUAGES]) + more


def size(size_bytes: int) -> str:
    """As download pages write it: decimal."""
    if size_bytes >= GB:
        return f"{size_bytes / GB:.1f} GB"
    return f"{size_bytes / MB:.0f} MB" if size_bytes >= MB else f"{size_bytes / KB:.0f} kB"


def _fit(item: Item) -> str:
    if item.entry.is_embedded:
        return ""
    smaller = f"; take {item.fit.smaller}" if item.fit.smaller else ""
    reason = f" ({escape(item.fit.reason)}{smaller})" if item.fit.verdict != "fits" else ""
    measured = ", measured" if item.fit.is_measured else ""
    return f"{VERDICTS[item.fit.verdict]}{measured}{reason}"
