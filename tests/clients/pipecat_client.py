"""Running pipecat's scenarios in its own environment, .venv-pipecat: one a process, one line of JSON back."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.clients.servers import Live

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-pipecat" / "bin" / "python"
DEADLINE = 80.0
"""For one scenario: its imports alone take seconds on a busy machine."""


def play(live: Live, scenario: str, says: str) -> Any:
    """What `scenario`, such as "realtime text", reports; its microphone hears the recording `says`."""
    script, name = scenario.split()
    if not PYTHON.exists():
        pytest.fail("pipecat is not installed: `make clients`.")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(live.home),
        "OPENAI_BASE_URL": live.base_url,
        "OPENAI_API_KEY": live.key,
        "SPEECH": says,
    }
    done = subprocess.run(
        [str(PYTHON), "-m", f"tests.clients.pipecat_scripts.{script}", name],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
