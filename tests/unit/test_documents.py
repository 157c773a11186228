"""The documents are true, and the check that says so sees when they are not."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def documents() -> ModuleType:
    """`scripts/check_documents.py`, which is no module of the package."""
    spec = importlib.util.spec_from_file_location("check_documents", ROOT / "scripts" / "check_documents.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_project_s_documents_are_true(documents: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert documents.main() == 0, capsys.readouterr().out


def test_the_readme_shows_both_commands_and_the_page() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make run" in readme
    assert "make test" in readme
    assert "docs/images/page.png" in readme


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("Use `make coffee`.", "make coffee"),
        ("```sh\nmake run && make tea\n```", "make tea"),
        ("Use `sottovoce sing`.", "sottovoce sing"),
        ("It lies in `cli/singing.py`.", "cli/singing.py"),
        ("See [this](nowhere.md#part).", "nowhere.md"),
        ("![A picture](images/none.png)", "images/none.png"),
    ],
)
def test_what_does_not_exist_is_found(documents: ModuleType, text: str, fault: str) -> None:
    faults = list(documents.check(ROOT / "README.md", text))
    assert len(faults) == 1
    assert fault in faults[0]


@pytest.mark.parametrize(
    "text",
    [
        "We make coffee.",
        "`make run`",
        "`sottovoce key show`",
        "`cli/app.py`",
        "[us](LICENSE)",
        "[out](https://example.org/x)",
    ],
)
def test_what_exists_passes(documents: ModuleType, text: str) -> None:
    assert list(documents.check(ROOT / "README.md", text)) == []


@pytest.mark.parametrize(
    ("row", "wrong", "fault"),
    [
        (
            "| `SOTTOVOCE_PORT` | `8080` |",
            "| `SOTTOVOCE_PORT` | `80` |",
            "SOTTOVOCE_PORT is `8080`, not `80`",
        ),
        ("| `SOTTOVOCE_PORT` | `8080` |", "| `SOTTOVOCE_PROT` | `8080` |", "SOTTOVOCE_PROT is no setting"),
        ("| `SOTTOVOCE_LLM_MODEL` |  |", "| LLM_MODEL |  |", "SOTTOVOCE_LLM_MODEL is missing"),
    ],
)
def test_a_settings_table_that_is_wrong_is_found(
    documents: ModuleType, row: str, wrong: str, fault: str
) -> None:
    table = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert row in table
    assert any(fault in found for found in documents.settings_faults(table.replace(row, wrong)))


def test_a_decision_that_is_not_listed_is_found(documents: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("- [001](001-a.md) A\n")
    (tmp_path / "001-a.md").touch()
    (tmp_path / "002-b.md").touch()
    assert [fault.split()[1] for fault in documents.index_faults(tmp_path)] == ["002-b.md"]
