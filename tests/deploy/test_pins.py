"""Looking up digests, with a docker that answers as the real one does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deploy.pins import images, main, pinned, written
from tests.deploy.example import EXAMPLE

DIGEST = f"sha256:{'ab' * 32}"


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    file = tmp_path / ".env"
    file.write_text(EXAMPLE.read_text())
    return file


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\n[ "$1 $2 $3" = "buildx imagetools inspect" ] || exit 9\necho {DIGEST}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return program


def test_every_image_is_looked_up_and_written_in_its_place(docker: Path, env_file: Path) -> None:
    assert main(["--env-file", str(env_file)]) == 0
    assert pinned(env_file.read_text()) == dict.fromkeys(images(), DIGEST)
    assert len(env_file.read_text().splitlines()) == len(EXAMPLE.read_text().splitlines())
    assert main(["--check", "--env-file", str(env_file)]) == 0


def test_what_is_not_pinned_is_said(env_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check", "--env-file", str(env_file)]) == 1
    told = capsys.readouterr().err
    assert all(variable in told and image in told for variable, image in images().items())


def test_a_registry_that_does_not_answer_changes_nothing(
    docker: Path, env_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    docker.write_text("#!/bin/sh\necho no route to host >&2\nexit 1\n")
    assert main(["--env-file", str(env_file)]) == 1
    assert "no route to host" in capsys.readouterr().err
    assert env_file.read_text() == EXAMPLE.read_text()


def test_no_env_file_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check", "--env-file", str(tmp_path / "none")]) == 1
    assert "none" in capsys.readouterr().err


def test_a_digest_that_is_not_there_yet_is_added() -> None:
    assert written("A=1\n", {"NEW_DIGEST": DIGEST}) == f"A=1\nNEW_DIGEST={DIGEST}\n"
