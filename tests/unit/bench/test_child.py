"""Processes of a measurement: that they end, and what they cost."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import psutil
import pytest

from sottovoce.bench.child import Meter, child, members, tail

GRANDCHILD = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _nothing_blocks_the_loop() -> None:
    """It looks at /proc and at logs between two measurements, when nobody is served by its loop."""


async def test_whoever_a_process_leaves_behind_is_ended_as_well(tmp_path: Path) -> None:
    command = [sys.executable, "-c", GRANDCHILD]
    async with child(command, tmp_path / "log", has_pipes=True) as process:
        assert process.stdout is not None
        await process.stdout.readline()
        family = members([process.pid])
        assert len(family) == 2
    _, alive = psutil.wait_procs(family, timeout=5)
    assert not alive


async def test_settings_reach_it_and_its_last_words_are_kept(tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = [sys.executable, "-c", "import os; raise SystemExit(os.environ['WORD'])"]
    async with child(command, log, settings={"WORD": "farewell"}) as process:
        assert await asyncio.wait_for(process.wait(), 10) == 1
    assert tail(log).strip() == "farewell"


def test_nothing_is_spent_by_nobody() -> None:
    meter = Meter([])
    meter.start()
    assert (meter.percent(), meter.memory_mb()) == (0.0, 0.0)


def test_a_process_that_has_ended_costs_nothing() -> None:
    ended = psutil.Popen([sys.executable, "-c", ""])
    ended.wait(10)
    meter = Meter([ended.pid])
    meter.start()
    assert (meter.percent(), meter.memory_mb()) == (0.0, 0.0)


def test_memory_is_that_of_the_whole_family() -> None:
    with psutil.Popen([sys.executable, "-c", GRANDCHILD], stdin=-1, stdout=-1) as process:
        process.stdout.readline()
        family = members([process.pid])
        both, one = Meter([process.pid]).memory_mb(), Meter([family[1].pid]).memory_mb()
        for member in family:
            member.kill()
    assert both > one > 0


def test_cpu_is_percent_of_a_core_since_the_start() -> None:
    busy = psutil.Popen([sys.executable, "-c", "while True: pass"])
    meter = Meter([busy.pid])
    meter.start()
    before = busy.cpu_times().user
    while (spent := busy.cpu_times().user - before) < 0.2:
        assert busy.poll() is None
    percent = meter.percent()
    busy.kill()
    busy.wait(10)
    assert percent == pytest.approx(100, abs=99)
    assert spent > 0
