"""The wheel holds all that running needs: the page, and the recordings that the bench speaks."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(target)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(target.glob("*.whl"))


def test_the_page_is_in_the_wheel_with_hashed_files(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        page = archive.read("sottovoce/web/dist/index.html").decode()
        names = set(archive.namelist())
    scripts = re.findall(r'src="(/assets/[^"]+-[\w-]{8}\.js)"', page)
    assert scripts
    assert {f"sottovoce/web/dist{script}" for script in scripts} <= names
    assert not [name for name in names if name.startswith(("tests/", "web/", "sottovoce/tests"))]


def test_an_installed_wheel_runs_without_its_checkout(wheel: Path, tmp_path: Path) -> None:
    installed = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)

    def run(*arguments: str) -> str:
        environment = os.environ | {"PYTHONPATH": str(installed)}
        command = [sys.executable, *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        ).stdout

    report = json.loads(run("-m", "sottovoce", "doctor", "--json", "--port", "0"))
    page = next(finding for finding in report["findings"] if finding["name"] == "Page")
    assert (page["state"], str(installed) in page["detail"]) == ("ok", True)
    recordings = run("-c", "from sottovoce.cli.bench import find_recordings; print(*find_recordings(None))")
    assert recordings.count(f"{installed}/sottovoce/bench/recordings/") >= 5
