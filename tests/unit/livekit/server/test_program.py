from __future__ import annotations

from pathlib import Path

import pytest

from sottovoce.errors import ConfigError
from sottovoce.livekit.server.program import MIN_VERSION, PROGRAM, TOOLS, WAYS, dotted, find_program


def put(folder: Path, says: str, name: str = PROGRAM) -> Path:
    """A program that answers to --version with `says`."""
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\n[ \"$1\" = --version ] || exit 3\necho '{says}'\n")
    program.chmod(0o755)
    return program


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bin"


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    return tmp_path / "tools"


def found(given: str | None, path: Path, tools: Path) -> str:
    return find_program(given, {"PATH": f"{path}:/bin:/usr/bin"}, tools).path


def test_the_one_on_the_path_comes_before_the_built_one(path: Path, tools: Path) -> None:
    first = put(path, "livekit-server version 1.13.5")
    put(tools, "livekit-server version 1.13.5")
    assert found(None, path, tools) == str(first)


def test_the_built_one_is_found_without_one_on_the_path(path: Path, tools: Path) -> None:
    built = put(tools, "livekit-server version 1.13.5")
    program = find_program(None, {"PATH": str(path)}, tools)
    assert program.path == str(built)
    assert program.version == (1, 13, 5)
    assert str(program) == f"livekit-server 1.13.5 at {built}"


def test_one_that_is_too_old_is_passed_over(path: Path, tools: Path) -> None:
    put(path, "livekit-server version 1.8.4")
    built = put(tools, "livekit-server version 1.13.5")
    assert found(None, path, tools) == str(built)


def test_one_that_is_too_old_is_named_with_what_is_needed(path: Path, tools: Path) -> None:
    old = put(path, "livekit-server version 1.8.4")
    with pytest.raises(ConfigError) as refused:
        found(None, path, tools)
    assert f"livekit-server 1.8.4 at {old} is too old: {dotted(MIN_VERSION)} is needed." in str(refused.value)
    assert WAYS in str(refused.value)


def test_a_given_one_is_the_only_one(path: Path, tools: Path) -> None:
    put(path, "livekit-server version 1.13.5")
    given = put(tools, "livekit-server version 1.12.0", "mine")
    assert found(str(given), path, tools) == str(given)
    with pytest.raises(ConfigError, match=r"There is no .*nothing that can be run here"):
        found(str(tools / "nothing"), path, tools)


def test_without_any_the_ways_to_get_one_are_told(path: Path, tools: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        found(None, path, tools)
    assert refused.value.param == "livekit_program"
    for way in ("make livekit", "brew install livekit", "docker run", "SOTTOVOCE_LIVEKIT_PROGRAM"):
        assert way in str(refused.value)


def test_something_else_of_that_name_is_no_server(path: Path, tools: Path) -> None:
    put(path, "hello")
    with pytest.raises(ConfigError, match="does not tell its version"):
        found(None, path, tools)
    (path / PROGRAM).write_bytes(b"\x7fELF\x00")
    with pytest.raises(ConfigError, match="cannot be run"):
        found(None, path, tools)


def test_the_built_one_lies_where_scripts_build_it() -> None:
    root = Path(__file__).parents[4]
    assert (root / "Makefile").is_file()
    assert root / ".tools" / "bin" == TOOLS
