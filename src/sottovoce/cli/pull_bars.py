"""How downloads are shown: bars in a terminal, lines in a file, JSON for programs."""

from __future__ import annotations

import json
import sys
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn

from sottovoce.cli.model_tables import size
from sottovoce.models.download_job import Progress as Told
from sottovoce.models.download_job import Step

LINE_SHARE = 0.1
"""Where no bar can be drawn a line is printed for each such part."""

STEPS: dict[Step, str] = {
    "asking": "asking the hub",
    "fetching": "",
    "waiting": "waiting",
    "checking": "checking",
    "done": "done",
}


class Show(Protocol):
    """Somewhere to show how downloads come on; a context."""

    def __enter__(self) -> Show: ...

    def __exit__(self, *exc: object) -> None: ...

    def show(self, name: str, told: Told) -> None:
        """The download of the model `name` has got so far."""


def bars(console: Console | None = None, *, is_json: bool = False) -> Show:
    """What suits the terminal, or JSON lines on standard output."""
    if is_json:
        return _JsonLines()
    console = console or Console(stderr=True)
    return _Bars(console) if console.is_terminal else _Lines(console)


class _Bars:
    """A bar for each model, and one for the file that is fetched."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),  # files are called what the hub likes
            BarColumn(bar_width=24),
            DownloadColumn(),
            TextColumn("{task.fields[more]}", markup=False),
            console=console,
        )
        self._models: dict[str, TaskID] = {}
        self._files: dict[str, TaskID] = {}

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._progress.stop()

    def show(self, name: str, told: Told) -> None:
        if name not in self._models:
            self._models[name] = self._progress.add_task(name, total=None, more="")
        self._progress.update(
            self._models[name], total=told.total_bytes or None, completed=told.bytes, more=in_words(told)
        )
        self._show_file(name, told)

    def _show_file(self, name: str, told: Told) -> None:
        if told.step == "done" or not told.file:
            if (task := self._files.pop(name, None)) is not None:
                self._progress.remove_task(task)
            return
        if name not in self._files:
            self._files[name] = self._progress.add_task("", total=None, more="")
        self._progress.update(
            self._files[name],
            description=f"  {told.file} ({told.file_number}/{told.file_count})",
            total=told.file_total_bytes or None,
            completed=told.file_bytes,
        )


class _Lines:
    """A line now and then: the output is a file, or another program's."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said: dict[str, tuple[str, int]] = {}

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def show(self, name: str, told: Told) -> None:
        mark = (told.note if told.step == "waiting" else told.step, int(told.fraction / LINE_SHARE))
        if self._said.get(name) == mark or (told.step == "checking" and name in self._said):
            return
        self._said[name] = mark
        so_far = f"{size(told.bytes)} of {size(told.total_bytes)} " if told.total_bytes else ""
        text = f"{name}: {so_far}{in_words(told)}"
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)


class _JsonLines:
    def __enter__(self) -> _JsonLines:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def show(self, name: str, told: Told) -> None:
        facts = {"id": name, **told.model_dump(exclude={"type"}), "seconds_left": told.seconds_left}
        sys.stdout.write(f"{json.dumps(facts)}\n")
        sys.stdout.flush()


def in_words(told: Told) -> str:
    """Speed and time left, or what is waited for."""
    if told.note:
        return told.note
    if told.step != "fetching":
        return STEPS[told.step]
    left = "" if told.seconds_left is None else f", {duration(told.seconds_left)} left"
    return f"{size(round(told.rate))}/s{left}" if told.rate else ""


def duration(seconds: float) -> str:
    """As people say it: 40 s, 3 min, 2 h 10 min."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
