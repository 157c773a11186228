"""`realtime/protocol.py` is covered whole, branch by branch, by its own test file alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TESTED = "src/sottovoce/realtime/protocol.py"
TESTS = "tests/unit/realtime/test_protocol.py"


@pytest.mark.timeout(60)
def test_every_branch_of_the_protocol_is_taken_by_its_own_tests(tmp_path: Path) -> None:
    environment = os.environ | {"COVERAGE_FILE": str(tmp_path / "coverage")}

    def coverage(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "coverage", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    run = coverage(
        "run", "--branch", f"--include={TESTED}", "-m", "pytest", "-q", "-p", "no:cacheprovider", TESTS
    )
    assert run.returncode == 0, run.stdout + run.stderr
    report = coverage("report", "--show-missing", "--fail-under=100")
    assert report.returncode == 0, report.stdout
    assert TESTED in report.stdout
