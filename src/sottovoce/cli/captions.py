"""Captions in a terminal: what is being said changes in place, what was said stays."""

from __future__ import annotations

from rich.console import Console
from rich.live import Live
from rich.text import Text

from sottovoce.cli.dialogue import Speaker

STYLES: dict[Speaker, str] = {"You": "bold cyan", "Sottovoce": "bold green"}
NAME_WIDTH = 12


class TerminalCaptions:
    """Sentences go to standard output, so that they can be kept; where that is no terminal, finals only."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None

    def interim(self, speaker: Speaker, text: str) -> None:
        if not self._console.is_terminal:
            return
        if self._live is None:
            self._live = Live(console=self._console, transient=True, auto_refresh=False)
            self._live.start()
        self._live.update(_line(speaker, text, "dim"), refresh=True)

    def final(self, speaker: Speaker, text: str, unheard: str = "") -> None:
        self.close()
        line = _line(speaker, text, "")
        if unheard:
            line.append(
                f" {unheard}" if self._console.is_terminal else f" [not heard: {unheard}]", "dim strike"
            )
        self._console.print(line, soft_wrap=True)

    def trouble(self, text: str) -> None:
        self.close()
        self._console.print(Text(f"{'':<{NAME_WIDTH}}{text}", "yellow"), soft_wrap=True)

    def close(self) -> None:
        """Take the changing line away."""
        if self._live is not None:
            self._live.stop()
            self._live = None


def _line(speaker: Speaker, text: str, style: str) -> Text:
    return Text.assemble((f"{speaker + ':':<{NAME_WIDTH}}", STYLES[speaker]), (text, style))
