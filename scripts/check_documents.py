"""Keep the documents true: what they name must exist, and the settings table must be the settings.

    python scripts/check_documents.py

Prints every fault and exits with 1 if there is one.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from pydantic_core import PydanticUndefined
from typer.main import get_command

from sottovoce.cli.app import app
from sottovoce.config import Settings, variables

ROOT = Path(__file__).parents[1]
SETTINGS = "docs/settings.md"

CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
MAKE = re.compile(r"\bmake ([a-z]+)\b(?! its| it\b| a )")
COMMAND = re.compile(r"\bsottovoce ([a-z]+)\b")
SOURCE = re.compile(r"`([\w./-]+\.py)`")
LINK = re.compile(r"\]\(([^)#\s]+)[^)\s]*\)")
ROW = re.compile(r"^\| `((?:SOTTOVOCE|LIVEKIT)_\w+)` \| ([^|]*) \|", re.MULTILINE)


def main() -> int:
    """Check the repository's own documents."""
    faults = [fault for path in documents(ROOT) for fault in check(path, path.read_text(encoding="utf-8"))]
    faults += settings_faults((ROOT / SETTINGS).read_text(encoding="utf-8"))
    faults += index_faults(ROOT / "docs" / "decisions")
    for fault in faults:
        print(fault)
    return 1 if faults else 0


def documents(root: Path) -> Iterator[Path]:
    yield from sorted(root.glob("*.md"))
    yield from sorted((root / "docs").rglob("*.md"))


def check(path: Path, text: str) -> Iterator[str]:
    """The make targets, commands and files that `text` names and that do not exist."""
    code = "\n".join(CODE.findall(text))
    for target in sorted(set(MAKE.findall(code)) - make_targets()):
        yield f"{path}: `make {target}` is no target of the Makefile"
    for command in sorted(set(COMMAND.findall(code)) - commands()):
        yield f"{path}: `sottovoce {command}` is no command"
    for source in sorted(set(SOURCE.findall(text))):
        if not any(str(file).endswith(f"/{source}") for file in sources()):
            yield f"{path}: {source} does not exist"
    for link in LINK.findall(text):
        if "://" not in link and not (path.parent / link).exists():
            yield f"{path}: {link} does not exist"


@cache
def sources() -> tuple[Path, ...]:
    """The project's Python files; documents name them by the end of their path."""
    folders = ("src", "tests", "bench", "deploy", "scripts")
    return tuple(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def commands() -> set[str]:
    program: Any = get_command(app)
    return set(program.commands)


def settings_faults(text: str) -> Iterator[str]:
    """Where the table of docs/settings.md and config.py differ."""
    documented = {name: default.strip() for name, default in ROW.findall(text)}
    actual = {name: shown(default(path)) for name, path in variables().items()}
    for name in sorted(actual.keys() - documented.keys()):
        yield f"{SETTINGS}: {name} is missing (default: {actual[name]})"
    for name in sorted(documented.keys() - actual.keys()):
        yield f"{SETTINGS}: {name} is no setting"
    for name in sorted(actual.keys() & documented.keys()):
        if documented[name] != actual[name]:
            yield f"{SETTINGS}: the default of {name} is {actual[name]}, not {documented[name]}"


def default(path: tuple[str, ...]) -> Any:
    model = Settings if len(path) == 1 else type(Settings.model_fields[path[0]].default)
    field = model.model_fields[path[-1]]
    return None if field.default is PydanticUndefined else field.default


def shown(value: Any) -> str:
    """A default as the table writes it."""
    if value is None or value == ():
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def index_faults(folder: Path) -> Iterator[str]:
    index = (folder / "README.md").read_text(encoding="utf-8")
    for path in sorted(folder.glob("[0-9]*.md")):
        if f"({path.name})" not in index:
            yield f"{folder / 'README.md'}: {path.name} is not listed"


if __name__ == "__main__":
    sys.exit(main())
