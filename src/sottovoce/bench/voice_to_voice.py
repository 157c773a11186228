"""Voice to voice: from the last sample of speech to the first audible sample of the reply.

`sottovoce bench` runs it. Each turn is spoken in real time over a WebSocket; the reply ends, or is
cancelled, before the next turn. The legs come from the server's own stamps, the totals from outside.
"""

from __future__ import annotations

import asyncio
import json
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

from sottovoce import __version__
from sottovoce.bench.server import RunningServer, running_server
from sottovoce.bench.speech import RATE_HZ, Samples, read_recording
from sottovoce.bench.talker import Talker, talking

HEADINGS = {
    "vad": "vad",
    "stt_final": "stt",
    "end_of_turn": "turn",
    "llm_first_token": "llm",
    "tts_first_audio": "tts",
    "delivery": "out",
}
"""The legs of a turn, with the short names that fit a terminal of 80 columns."""
LEGS = tuple(HEADINGS)
SETTLE = 0.6
"""Seconds of quiet between turns."""
BARGE_IN_AFTER = 1.5
"""Seconds into a reply at which it is spoken over."""


@dataclass
class TurnResult:
    recording: str
    heard: str
    voice_to_voice_ms: float
    legs_ms: dict[str, float | None]


@dataclass
class Report:
    """All turns of one run, and what they ran on."""

    turns: list[TurnResult] = field(default_factory=list)
    interruptions_ms: list[float] = field(default_factory=list)
    memory_mb: dict[str, float] = field(default_factory=dict)
    memory_per_session_mb: float | None = None
    environment: dict[str, Any] = field(default_factory=dict)

    def percentile(self, of: Sequence[float], percent: float) -> float | None:
        return round(float(np.percentile(of, percent)), 1) if len(of) else None

    def summary(self) -> dict[str, Any]:
        totals = [turn.voice_to_voice_ms for turn in self.turns]
        legs = {
            leg: self.percentile([v for turn in self.turns if (v := turn.legs_ms.get(leg)) is not None], 50)
            for leg in LEGS
        }
        return {
            "turns": len(totals),
            "voice_to_voice_p50_ms": self.percentile(totals, 50),
            "voice_to_voice_p95_ms": self.percentile(totals, 95),
            "voice_to_voice_spread_ms": round(statistics.stdev(totals), 1) if len(totals) > 1 else None,
            "legs_p50_ms": legs,
            "interruption_p50_ms": self.percentile(self.interruptions_ms, 50),
            "interruption_max_ms": self.percentile(self.interruptions_ms, 100),
            "memory_idle_mb": round(sum(self.memory_mb.values()), 1),
            "memory_per_session_mb": self.memory_per_session_mb,
        }


async def measure(recordings: Sequence[Path], *, rounds: int, interruptions: int) -> Report:
    """Speak every recording `rounds` times to a server of our own, then interrupt it a few times."""
    report = Report(environment=environment())
    async with running_server() as server:
        async with talking(server.url, server.key) as talker:
            await _turn(talker, recordings[0], read_recording(recordings[0]))  # warms caches; not counted
            for recording in list(recordings) * rounds:
                await asyncio.sleep(SETTLE)
                report.turns.append(await _turn(talker, recording, read_recording(recording)))
            for index in range(interruptions):
                await asyncio.sleep(SETTLE)
                speech = read_recording(recordings[index % len(recordings)])
                report.interruptions_ms.append(await _interruption(talker, speech))
        await asyncio.sleep(1.0)
        report.memory_mb = server.memory_mb()
        report.memory_per_session_mb = await _memory_per_session(server)
    return report


async def _turn(talker: Talker, recording: Path, speech: Samples) -> TurnResult:
    talker.listen_anew()
    ended = await talker.speak(speech)
    heard = await talker.expect("conversation.item.input_audio_transcription.completed")
    metrics = await talker.expect("sottovoce.turn.metrics")
    first = await talker.first_sound()
    await _cancel(talker)
    total = round((first - ended) * 1000, 1)
    return TurnResult(recording.stem, heard["transcript"], total, metrics["latency_ms"])


async def _cancel(talker: Talker) -> None:
    """End the reply; that it ended by itself a moment before is no error here."""
    await talker.send({"type": "response.cancel"})
    await talker.expect("response.done")


async def _interruption(talker: Talker, speech: Samples) -> float:
    """Milliseconds from the start of speech over a long reply to the reply's last audible sample."""
    talker.listen_anew()
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "count to forty"}]}
    await talker.send({"type": "conversation.item.create", "item": item})
    await talker.send({"type": "response.create"})
    await talker.first_sound()
    await asyncio.sleep(BARGE_IN_AFTER)
    speaking = asyncio.create_task(talker.speak(speech))
    await talker.expect("response.done")
    silent = talker.playback.last_loud
    assert silent is not None
    talker.listen_anew()
    began = await speaking - len(speech) / RATE_HZ
    await talker.first_sound()
    await _cancel(talker)
    return round((silent - began) * 1000, 1)


async def _memory_per_session(server: RunningServer, count: int = 4) -> float:
    """Growth of all processes for each idle session added to a first one."""
    async with talking(server.url, server.key):
        await asyncio.sleep(1.0)
        before = sum(server.memory_mb().values())
        contexts = [talking(server.url, server.key) for _ in range(count)]
        for context in contexts:
            await context.__aenter__()
        try:
            await asyncio.sleep(2.0)
            after = sum(server.memory_mb().values())
        finally:
            for context in contexts:
                await context.__aexit__(None, None, None)
    return round((after - before) / count, 1)


def environment() -> dict[str, Any]:
    return {
        "version": __version__,
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {psutil.cpu_count()} cores",
        "load_average": [round(value, 2) for value in psutil.getloadavg()],
    }


def print_report(report: Report, console: Console) -> None:
    """The turns as a table, in milliseconds, and the figures under it."""
    table = Table("heard", "total", *HEADINGS.values())
    for turn in report.turns:
        legs = [_shown(turn.legs_ms.get(leg)) for leg in LEGS]
        table.add_row(turn.heard, _shown(turn.voice_to_voice_ms), *legs)
    console.print(table)
    for name, value in report.summary().items():
        console.print(f"{name}: {value}", soft_wrap=True)


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"


def write_report(report: Report, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"summary": report.summary()} | asdict(report), indent=2) + "\n")
