"""Make the test recordings with flite and write their manifest.

    python tests/data/make_recordings.py

The recordings are committed, so tests need no flite; this script documents what they say and in whose voice,
and makes them again (Debian package `flite` 2.2). All are 16 kHz mono WAV, peak -6 dBFS, with 100 ms of
quiet on both sides of the speech. Kinds: `command` is what the dialogue engine understands, `free` is other
English, `dialogue` is a short turn for conversation tests, `noise` and `silence` hold no speech.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import wave
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

RATE_HZ = 16_000
PEAK = 0.5 * 32767
QUIET = 0.1
"""Seconds kept before and after the speech."""
AUDIBLE = 0.01
"""Share of the peak above which a sample counts as speech."""

VOICES = ("slt", "rms", "awb", "kal16")
COMMANDS = (
    "what day is it tomorrow",
    "set a timer for twenty five minutes",
    "cancel my timer",
    "what is fifteen plus thirty two",
    "convert five pounds to kilograms",
    "what time is it in tokyo",
    "remind me to call my mother in half an hour",
    "my name is john",
    "roll two dice",
    "what can you do",
    "please repeat that",
    "thank you very much",
)
FREE = (
    "the old man walked slowly down the road with his dog",
    "she opened the window because the room was very warm",
    "we are planning to visit our friends in the country next summer",
    "the company said that profits were higher than expected this year",
    "i would like to know how the new government will pay for it",
    "he told the police that he had never seen the woman before",
    "there was a lot of snow on the mountains in the morning",
    "most people think that learning a language takes many years",
    "the train to the city was late again and nobody knew why",
    "our teacher asked us to read the first chapter before monday",
)
DIALOGUE = (
    "what time is it",
    "set a timer for ten minutes",
    "tell me a joke",
    "count to forty",
    "stop",
    "what is twelve times seven",
    "flip a coin",
    "how many miles are in ten kilometers",
)


@dataclass(frozen=True)
class Recording:
    """A row of manifest.json; `speech_start` and `speech_end` are seconds from the first sample."""

    file: str
    kind: str
    text: str
    voice: str | None
    duration: float
    speech_start: float
    speech_end: float


def speak(text: str, voice: str) -> np.ndarray:
    """The samples flite makes of `text`, int16."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "speech.wav")
        subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(path)], check=True)
        with wave.open(str(path)) as file:
            assert (file.getframerate(), file.getnchannels()) == (RATE_HZ, 1), voice
            return np.frombuffer(file.readframes(file.getnframes()), np.int16)


def level(samples: np.ndarray) -> tuple[np.ndarray, int, int]:
    """Set the peak and cut the quiet; returns the samples and where speech starts and ends in them."""
    scaled = samples * (PEAK / np.abs(samples).max())
    audible = np.flatnonzero(np.abs(scaled) > AUDIBLE * PEAK)
    quiet = np.zeros(int(QUIET * RATE_HZ))
    speech = scaled[audible[0] : audible[-1] + 1]
    return np.concatenate([quiet, speech, quiet]), len(quiet), len(quiet) + len(speech)


def write(folder: Path, name: str, samples: np.ndarray) -> None:
    with wave.open(str(folder / name), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.astype("<i2").tobytes())


def spoken(folder: Path, kind: str, text: str, voice: str) -> Recording:
    samples, start, end = level(speak(text, voice))
    name = f"{kind}-{text.replace(' ', '-')[:40].strip('-')}-{voice}.wav"
    write(folder, name, samples)
    seconds = [round(count / RATE_HZ, 3) for count in (len(samples), start, end)]
    return Recording(name, kind, text, voice, *seconds)


def unspoken(folder: Path) -> Iterator[Recording]:
    """Two seconds of white noise at -40 dBFS, and of digital silence."""
    noise = np.random.default_rng(1).normal(0, 0.01 * 32767, 2 * RATE_HZ)
    for kind, samples in (("noise", noise), ("silence", np.zeros(2 * RATE_HZ))):
        write(folder, f"{kind}.wav", samples)
        yield Recording(f"{kind}.wav", kind, "", None, 2.0, 0.0, 0.0)


def make(folder: Path) -> list[Recording]:
    """Every command in three of the voices, every free sentence in two, every dialogue turn in one."""
    made: list[Recording] = []
    for kind, texts, voices in (("command", COMMANDS, 3), ("free", FREE, 2)):
        for number, text in enumerate(texts):
            made += [spoken(folder, kind, text, VOICES[(number + shift) % 4]) for shift in range(voices)]
    made += [spoken(folder, "dialogue", text, "slt") for text in DIALOGUE]
    return [*made, *unspoken(folder)]


def main() -> None:
    folder = Path(__file__).parent / "recordings"
    folder.mkdir(exist_ok=True)
    rows = [asdict(recording) for recording in make(folder)]
    (folder / "manifest.json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
