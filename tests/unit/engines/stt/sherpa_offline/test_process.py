"""The recogniser's process where the system does not do as it is told."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from sottovoce.engines.stt.sherpa_offline import process as module
from sottovoce.engines.stt.sherpa_offline.process import OfflineProcess
from sottovoce.engines.stt.sherpa_offline.worker import WorkerOptions
from sottovoce.errors import EngineUnavailable
from sottovoce.models.entry import ModelEntry
from sottovoce.models.installed import InstalledModel


class StuckProcess:
    """Does not end though it is killed, as one that waits for a broken disk."""

    pid, returncode = 7, None

    def __init__(self) -> None:
        self.stderr = asyncio.StreamReader()
        self.is_killed = False

    def kill(self) -> None:
        self.is_killed = True

    async def wait(self) -> None:
        await asyncio.Event().wait()


async def test_nobody_waits_for_a_process_that_cannot_die(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "STOP_DEADLINE", 0.0)
    stuck: Any = StuckProcess()
    process = OfflineProcess(stuck)
    await process.aclose()
    assert stuck.is_killed
    assert "process 7 was killed, and has not ended yet" in caplog.text
    stuck.stderr.feed_eof()
    await process._listening


async def test_a_process_that_cannot_be_started_is_reported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nothing"))
    entry = ModelEntry(id="whisper", kind="stt", engine="sherpa-offline", family="whisper")
    with pytest.raises(EngineUnavailable, match="cannot be started"):
        await OfflineProcess.start(WorkerOptions(model=InstalledModel(entry=entry, path=tmp_path)))
