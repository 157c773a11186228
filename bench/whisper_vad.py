"""How well voices are told from noise, and at what price: Silero against the endpointer of live sessions.

    python bench/whisper_vad.py [--json FILE]

Recordings of synthetic voices with pauses between them, in noise of known level, and quieter and quieter.
What counts as speech is what stands out of the clean recordings; a detector that cuts words off misses it,
and one that hears words in the pauses sends noise to a recogniser that will make words of it. Both get what
they add before and after speech.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from sottovoce.engines.stt.endpointing import (
    Endpointer,
    EndpointingOptions,
    SpeechStarted,
    SpeechStopped,
)
from sottovoce.engines.stt.segmenting import Segmenter
from sottovoce.engines.stt.vad import silero
from tests.recordings import RATE_HZ, RECORDINGS, recording

STEP = RATE_HZ // 50
PAUSES = (1.5, 3.0)
PEAK, ACTIVE = 8000, 120
NO_SPEECH = ("noise", "silence")
LEVELS_DB = (20, 10, 5)
QUIET_DB = (-20, -30)

Samples = NDArray[np.float64]
Spans = list[tuple[float, float]]


@dataclass(frozen=True)
class Row:
    """In per cent: speech that was missed, pauses taken for speech. `factor` is the processor's time for a
    second of audio."""

    sound: str
    detector: str
    missed: float
    passed: float
    factor: float


def scene() -> tuple[Samples, NDArray[np.bool_]]:
    """Sound, and for each 20 ms whether somebody speaks."""
    random = np.random.default_rng(1)
    sounds: list[Samples] = []
    speech: list[NDArray[np.bool_]] = []
    spoken = sorted(path for path in RECORDINGS.glob("*.wav") if path.stem not in NO_SPEECH)
    for path in spoken[::4]:
        samples = np.frombuffer(recording(path.stem), "<i2").astype(float)
        samples = samples[: len(samples) // STEP * STEP] * (PEAK / np.abs(samples).max())
        active = np.flatnonzero(levels(samples) > ACTIVE)
        pause = int(random.uniform(*PAUSES) * RATE_HZ) // STEP
        said = np.zeros(len(samples) // STEP + pause, bool)
        said[active[0] : active[-1] + 1] = True
        sounds += [samples, np.zeros(pause * STEP)]
        speech.append(said)
    return np.concatenate(sounds), np.concatenate(speech)


def levels(samples: Samples) -> Samples:
    root: Samples = np.sqrt(np.square(samples.reshape(-1, STEP)).mean(axis=1))
    return root


def noises(length: int) -> dict[str, Samples]:
    random = np.random.default_rng(2)
    white = random.standard_normal(length)
    spectrum = np.fft.rfft(random.standard_normal(length))
    seconds = np.arange(length) / RATE_HZ
    clicks = np.zeros(length)
    for at in random.integers(0, length - 160, length // RATE_HZ):
        clicks[at : at + 160] += random.standard_normal(160) * np.exp(-np.arange(160) / 40)
    return {
        "white": white,
        "pink": np.fft.irfft(spectrum / np.sqrt(np.arange(len(spectrum)) + 1), length),
        "hum": np.sum([np.sin(2 * np.pi * 50 * part * seconds) / part for part in (1, 2, 3, 5)], axis=0),
        "clicks": clicks,
    }


def sounds(clean: Samples, speech: NDArray[np.bool_]) -> Iterator[tuple[str, Samples]]:
    loudness = np.sqrt(np.square(clean[np.repeat(speech, STEP)]).mean())
    yield "clean", clean
    for name, noise in noises(len(clean)).items():
        for level in LEVELS_DB:
            scaled = noise * loudness / np.sqrt(np.square(noise).mean()) * 10 ** (-level / 20)
            yield f"{name}, {level} dB", clean + scaled
    for level in QUIET_DB:
        yield f"quieter by {-level} dB", clean * 10 ** (level / 20)


def by_silero(pcm: bytes) -> Spans:
    segmenter = Segmenter(silero())
    parts = segmenter.push(pcm)
    last = segmenter.finish()
    return [(part.start, part.start + part.duration) for part in [*parts, *([last] if last else [])]]


def by_endpointer(pcm: bytes) -> Spans:
    spans: Spans = []
    begun = None
    for happening in Endpointer(EndpointingOptions()).push(pcm):
        if isinstance(happening, SpeechStarted):
            begun = happening.audio_ms / 1000
        elif isinstance(happening, SpeechStopped) and begun is not None:
            spans.append((begun, happening.audio_ms / 1000))
            begun = None
    return spans if begun is None else [*spans, (begun, len(pcm) / 2 / RATE_HZ)]


DETECTORS: dict[str, Callable[[bytes], Spans]] = {"silero": by_silero, "endpointer": by_endpointer}


def measured(sound: str, samples: Samples, speech: NDArray[np.bool_], detector: str) -> Row:
    pcm = np.clip(samples, -32768, 32767).astype("<i2").tobytes()
    begun = time.process_time()
    spans = DETECTORS[detector](pcm)
    took = time.process_time() - begun
    heard = np.zeros(len(speech), bool)
    for start, end in spans:
        heard[int(start * 50) : int(end * 50)] = True
    missed, passed = (speech & ~heard).sum() / speech.sum(), (~speech & heard).sum() / (~speech).sum()
    return Row(
        sound,
        detector,
        round(100 * missed, 1),
        round(100 * passed, 1),
        round(took / len(samples) * RATE_HZ, 4),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path)
    given: Any = parser.parse_args()
    clean, speech = scene()
    rows = [
        measured(name, samples, speech, detector)
        for name, samples in sounds(clean, speech)
        for detector in DETECTORS
    ]
    print(f"{len(clean) / RATE_HZ:.0f} s, {100 * speech.mean():.0f} % of it speech")
    print(f"{'sound':<20}{'detector':<12}{'missed %':>9}{'passed %':>9}{'factor':>8}")
    for row in rows:
        print(f"{row.sound:<20}{row.detector:<12}{row.missed:>9}{row.passed:>9}{row.factor:>8}")
    if given.json:
        given.json.write_text(json.dumps([asdict(row) for row in rows], indent=2))


if __name__ == "__main__":
    main()
