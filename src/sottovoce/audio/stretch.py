"""Speech made slower at its own pitch, by FFmpeg's atempo (overlapping waveforms by likeness, WSOLA)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from sottovoce.audio.frame import BYTES_PER_SAMPLE, AudioFrame

if TYPE_CHECKING:
    from av.filter import Graph

MIN_TEMPO, MAX_TEMPO = 0.5, 2.0
"""What one pass does well."""

PIECE = 0.05
"""Seconds given to the filter in one go: it holds the last one back until there is another."""


class Stretcher:
    """One stream of mono s16le at `tempo` times its pace. One thread at a time; may be dropped unflushed."""

    def __init__(self, tempo: float, sample_rate: int) -> None:
        """Loads FFmpeg, as `Packets` does. Raises ValueError for a tempo out of range."""
        if not MIN_TEMPO <= tempo <= MAX_TEMPO:
            raise ValueError(f"a tempo of {tempo} is not between {MIN_TEMPO} and {MAX_TEMPO}")
        self._sample_rate = sample_rate
        self._position = 0
        self._graph = _graph(tempo, sample_rate)

    def push(self, samples: bytes) -> bytes:
        """What is ready once `samples`, whole ones, have come: it lags by two pieces."""
        size = BYTES_PER_SAMPLE * round(PIECE * self._sample_rate)
        pieces = [samples[begin : begin + size] for begin in range(0, len(samples), size)]
        return b"".join([self._pushed(piece) for piece in pieces])

    def _pushed(self, samples: bytes) -> bytes:
        from av import AudioFrame as Samples

        given = Samples.from_ndarray(np.frombuffer(samples, "<i2").reshape(1, -1), "s16", "mono")
        given.sample_rate, given.pts = self._sample_rate, self._position
        self._position += given.samples
        self._graph.push(given)
        return self._pulled()

    def flush(self) -> bytes:
        """The rest; nothing may be pushed afterwards."""
        self._graph.push(None)
        return self._pulled()

    def _pulled(self) -> bytes:
        pulled = []
        while True:
            try:
                pulled.append(self._graph.pull().to_ndarray().astype("<i2").tobytes())
            except (BlockingIOError, EOFError):  # there is no more now, or ever
                return b"".join(pulled)


def _graph(tempo: float, sample_rate: int) -> Graph:
    from av.filter import Graph

    graph = Graph()
    base = Fraction(1, sample_rate)
    source = graph.add_abuffer(sample_rate=sample_rate, format="s16", layout="mono", time_base=base)
    graph.link_nodes(source, graph.add("atempo", str(tempo)), graph.add("abuffersink")).configure()
    return graph


async def stretch(frames: AsyncGenerator[AudioFrame], tempo: float) -> AsyncGenerator[AudioFrame]:
    """`frames`, of one rate, at `tempo` times their pace; the work is done in a thread."""
    stretcher, sample_rate = None, 0
    async with aclosing(frames):
        async for frame in frames:
            if stretcher is None:
                sample_rate = frame.sample_rate
                stretcher = await asyncio.to_thread(Stretcher, tempo, sample_rate)
            if samples := await asyncio.to_thread(stretcher.push, frame.samples):
                yield AudioFrame(samples, sample_rate)
    if stretcher is not None and (rest := await asyncio.to_thread(stretcher.flush)):
        yield AudioFrame(rest, sample_rate)
