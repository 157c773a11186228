"""Running the scripts in node/: one scenario a process, one line of JSON back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.clients.microphone import speech
from tests.clients.servers import Live
from tests.recordings import RECORDINGS

NODE = Path(__file__).parent / "node"
DEADLINE = 60.0
"""For one scenario: some have three turns."""


class Scenarios:
    """The scenarios of one script, played against `live`."""

    def __init__(self, script: str, live: Live, folder: Path, **environment: str) -> None:
        if not (NODE / "node_modules").is_dir() or shutil.which("node") is None:
            pytest.fail("The Node clients are not installed: `make clients`.")
        self.script = script
        self.live = live
        self.folder = folder
        self.environment = environment

    def play(self, scenario: str, says: str) -> Any:
        """What `scenario` reports; `says` is the recording that its microphone hears."""
        said = self.folder / f"{scenario}.pcm"
        said.write_bytes(speech(says))
        environment = {
            "PATH": os.environ["PATH"],
            "OPENAI_BASE_URL": self.live.base_url,
            "OPENAI_API_KEY": self.live.key,
            "SPEECH": str(said),
            "RECORDING": str(RECORDINGS / f"{says}.wav"),
            **self.environment,
        }
        done = subprocess.run(
            ["node", str(NODE / self.script), scenario],
            env=environment,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
