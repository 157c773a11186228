"""Word error rate, cost and promptness of the embedded recogniser on the test recordings.

    python bench/word_errors.py [--json FILE] [--as-shipped] [--recordings FOLDER]

The recordings' own sentences are taken out of the language model first, so that it is measured on what it
has not seen (`--as-shipped` leaves them in). Every recording meets a recogniser that has heard nothing
before. Words are compared as the dictionary spells them. The audio is pushed in 20 ms frames at five times
its pace, which leaves the recogniser as idle at the last frame as in a conversation; then the time to the
final transcript is taken.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
import wave
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from sottovoce.engines.stt import build_model
from sottovoce.engines.stt.base import BYTES_PER_SECOND, SAMPLE_RATE_HZ
from sottovoce.engines.stt.pocketsphinx import PocketsphinxOptions, PocketsphinxTranscriber

RECORDINGS = Path(__file__).parents[1] / "tests" / "data" / "recordings"
FRAME_BYTES = BYTES_PER_SECOND // 50
PACE = 2


@dataclass(frozen=True)
class Recording:
    kind: str
    text: str
    pcm: bytes

    @property
    def duration(self) -> float:
        return len(self.pcm) / BYTES_PER_SECOND


@dataclass(frozen=True)
class Heard:
    recording: Recording
    transcript: str
    cpu: float
    final_ms: float

    @property
    def errors(self) -> int:
        return word_errors(self.recording.text.split(), self.transcript.split())


@dataclass(frozen=True)
class Row:
    """What the recordings of one kind add up to."""

    kind: str
    recordings: int
    words: int
    errors: int
    wer_percent: float | None
    real_time_factor: float
    final_ms_p50: float
    final_ms_p95: float


def word_errors(wanted: Sequence[str], heard: Sequence[str]) -> int:
    """Substitutions, insertions and deletions (Levenshtein's distance of words)."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(wanted, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
    return row[-1]


def recordings(folder: Path) -> list[Recording]:
    rows = json.loads((folder / "manifest.json").read_text())
    return [Recording(row["kind"], row["text"], samples(folder / row["file"])) for row in rows]


def samples(path: Path) -> bytes:
    with wave.open(str(path)) as file:
        if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (SAMPLE_RATE_HZ, 1, 2):
            raise SystemExit(f"{path} is not 16 kHz mono 16 bit")
        pcm: bytes = file.readframes(file.getnframes())
        return pcm


async def hear(transcriber: PocketsphinxTranscriber, recording: Recording) -> Heard:
    stream = await transcriber.open_stream()
    try:
        process = psutil.Process(stream.pid)
        started = cpu_time(process)
        due = time.perf_counter()
        for at in range(0, len(recording.pcm), FRAME_BYTES):
            await stream.push(recording.pcm[at : at + FRAME_BYTES])
            due += FRAME_BYTES / BYTES_PER_SECOND / PACE
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
        asked = time.perf_counter()
        transcript = await stream.finish()
        final_ms = (time.perf_counter() - asked) * 1000
        return Heard(recording, transcript, cpu_time(process) - started, final_ms)
    finally:
        await stream.aclose()


def cpu_time(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def row(kind: str, heard: Sequence[Heard]) -> Row:
    words = sum(len(each.recording.text.split()) for each in heard)
    errors = sum(each.errors for each in heard)
    finals = sorted(each.final_ms for each in heard)
    return Row(
        kind=kind,
        recordings=len(heard),
        words=words,
        errors=errors,
        wer_percent=round(100 * errors / words, 1) if words else None,
        real_time_factor=round(
            sum(each.cpu for each in heard) / sum(each.recording.duration for each in heard), 3
        ),
        final_ms_p50=round(statistics.median(finals), 1),
        final_ms_p95=round(finals[min(len(finals) - 1, int(0.95 * len(finals)))], 1),
    )


async def measure(options: PocketsphinxOptions, wanted: Sequence[Recording]) -> list[Heard]:
    transcriber = PocketsphinxTranscriber(options)
    try:
        await transcriber.start()
        return [await hear(transcriber, recording) for recording in wanted]
    finally:
        await transcriber.aclose()


def report(heard: Sequence[Heard]) -> list[Row]:
    kinds = dict.fromkeys(each.recording.kind for each in heard)
    rows = [row(kind, [each for each in heard if each.recording.kind == kind]) for kind in kinds]
    for each in heard:
        if each.errors:
            print(f"  {each.recording.kind}: {each.recording.text!r} heard as {each.transcript!r}")
    print("kind         n   words  wrong  WER %  CPU/audio  final ms p50   p95")
    for line in rows:
        wer = "-" if line.wer_percent is None else line.wer_percent
        print(
            f"{line.kind:10} {line.recordings:3} {line.words:7} {line.errors:6} {wer:>6} "
            f"{line.real_time_factor:10} {line.final_ms_p50:13} {line.final_ms_p95:5}"
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    parser.add_argument("--as-shipped", action="store_true", help="leave the sentences in the model")
    parser.add_argument("--recordings", type=Path, default=RECORDINGS, help="folder with a manifest.json")
    given = parser.parse_args()
    wanted = recordings(given.recordings)
    texts = build_model.domain_sentences()
    if not given.as_shipped:
        tested = {recording.text for recording in wanted}
        texts = [text for text in texts if text not in tested]
    with tempfile.TemporaryDirectory() as cache:
        folder = build_model.cached(Path(cache), texts)
        heard = asyncio.run(measure(PocketsphinxOptions(Path(cache), model_folder=folder), wanted))
    rows = report(heard)
    if given.json:
        given.json.write_text(json.dumps([asdict(each) for each in rows], indent=2) + "\n")


if __name__ == "__main__":
    main()
