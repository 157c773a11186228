"""A pipeline of pipecat's with a microphone and a loudspeaker in place of a transport, and what flows in it.

Like all of this folder it runs in pipecat's own environment:
`python -m tests.clients.pipecat_scripts.NAME SCENARIO`.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from loguru import logger
from pipecat.frames.frames import ErrorFrame, Frame, InputAudioRawFrame
from pipecat.observers.base_observer import BaseObserver, FramePushed
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams
from pipecat.workers.runner import WorkerRunner

from tests.clients.microphone import Microphone, microphone

BASE_URL = os.environ["OPENAI_BASE_URL"]
API_KEY = os.environ["OPENAI_API_KEY"]
REALTIME_URL = f"ws{BASE_URL.removeprefix('http')}/realtime"
IN_HZ, OUT_HZ = 16_000, 24_000
"""What pipecat's own VAD hears, and what OpenAI's voices speak."""
DEADLINE = 20.0

F = TypeVar("F", bound=Frame)


class Loudspeaker(BaseOutputTransport):
    """Plays in real time, so that pipecat knows when the bot speaks."""

    def __init__(self) -> None:
        super().__init__(TransportParams(audio_out_enabled=True, audio_out_sample_rate=OUT_HZ))
        self.played = 0.0
        self._free_at = 0.0

    async def start(self, frame: Any) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def write_audio_frame(self, frame: Any) -> bool:
        now = asyncio.get_running_loop().time()
        length = frame.num_frames / frame.sample_rate
        self._free_at = max(self._free_at, now) + length
        self.played += length
        await asyncio.sleep(self._free_at - now)
        return True


class Studio(BaseObserver):
    """Every frame once, in order; `expect` gives the next of a kind, after the one expected last."""

    def __init__(self, worker_of: Callable[[Studio], PipelineWorker]) -> None:
        super().__init__()
        self.frames: list[Frame] = []
        self.errors: list[str] = []
        self._ids: set[int] = set()
        self._expected = 0
        self._changed = asyncio.Condition()
        self.worker = worker_of(self)

    async def on_push_frame(self, data: FramePushed) -> None:
        if data.frame.id in self._ids or isinstance(data.frame, InputAudioRawFrame):
            return
        self._ids.add(data.frame.id)
        if isinstance(data.frame, ErrorFrame):
            self.errors.append(data.frame.error)
        async with self._changed:
            self.frames.append(data.frame)
            self._changed.notify_all()

    async def expect(self, kind: type[F], when: Callable[[F], bool] = lambda frame: True) -> F:
        try:
            async with asyncio.timeout(DEADLINE), self._changed:
                while True:
                    while self._expected < len(self.frames):
                        frame = self.frames[self._expected]
                        self._expected += 1
                        if isinstance(frame, kind) and when(frame):
                            return frame
                    await self._changed.wait()
        except TimeoutError:
            names = [type(frame).__name__ for frame in self.frames[-40:]]
            raise AssertionError(f"no {kind.__name__} after {names}; errors: {self.errors}") from None

    def all(self, kind: type[F]) -> list[F]:
        return [frame for frame in self.frames if isinstance(frame, kind)]

    async def hear(self, sound: bytes) -> None:
        await self.worker.queue_frame(InputAudioRawFrame(sound, IN_HZ, 1))

    @asynccontextmanager
    async def microphone(self) -> AsyncIterator[Microphone]:
        async with microphone(self.hear, IN_HZ) as opened:
            yield opened


@asynccontextmanager
async def studio(*processors: FrameProcessor) -> AsyncIterator[Studio]:
    """A running pipeline of `processors`."""
    params = PipelineParams(audio_in_sample_rate=IN_HZ, audio_out_sample_rate=OUT_HZ)

    def worker_of(observer: Studio) -> PipelineWorker:
        return PipelineWorker(
            Pipeline(list(processors)), params=params, observers=[observer], enable_rtvi=False
        )

    opened = Studio(worker_of)
    is_started = asyncio.Event()

    @opened.worker.event_handler("on_pipeline_started")
    async def _on_started(worker: Any, frame: Any) -> None:
        is_started.set()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(opened.worker)
    running = asyncio.create_task(runner.run())
    try:
        async with asyncio.timeout(DEADLINE):
            await is_started.wait()
        yield opened
    finally:
        await runner.cancel()
        await running


def main(scenarios: dict[str, Callable[[], Awaitable[dict[str, Any]]]]) -> None:
    """Run the scenario that the command line names, and print what it found as one line of JSON."""
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    print(json.dumps(asyncio.run(scenarios[sys.argv[1]]())))  # type: ignore[arg-type]
