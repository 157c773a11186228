from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import os
import psutil
from sottovoce.engines.stt.vad import FRAME_BYTES, silero

os.environ.pop("OMP_THREAD_LIMIT", None)
detect = silero()
before = psutil.Process().num_threads()
assert all(0.0 <= detect(os.urandom(FRAME_BYTES)) <= 1.0 for _ in range(20))
print(psutil.Process().num_threads() - before, os.environ.get("OMP_THREAD_LIMIT"))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere ggml has no OpenMP to be limited")
def test_silero_starts_no_threads_of_its_own() -> None:
    """They would cost fifteen times its work."""
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, env={**os.environ}
    )
    assert run.stdout.split() == ["0", "None"]
