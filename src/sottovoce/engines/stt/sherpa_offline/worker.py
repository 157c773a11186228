"""The recogniser's own process: one model, one segment at a time, by messages on its input and output.

sherpa-onnx ends its process over what it does not like. Here that costs a segment's time, and the service
goes on. `python -m sottovoce.engines.stt.sherpa_offline.worker OPTIONS` with `WorkerOptions` as JSON.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from typing import BinaryIO, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from sottovoce.engines.provider import choose_provider
from sottovoce.engines.stt.sherpa_offline import models
from sottovoce.engines.stt.sherpa_offline.files import ModelFiles
from sottovoce.engines.stt.sherpa_offline.wire import HEADER, Heard, Loaded, Task, pack, unpack_header
from sottovoce.errors import EngineError
from sottovoce.lifeline import die_with_parent
from sottovoce.models.installed import InstalledModel

FULL_SCALE = 32_768


class WorkerOptions(BaseModel):
    model_config = ConfigDict(frozen=True)

    model: InstalledModel
    threads: int = 1
    provider: Literal["auto", "cpu", "cuda"] = "auto"


class Worker:
    """Answers with one model until its input ends."""

    def __init__(self, source: BinaryIO, target: BinaryIO) -> None:
        self._source, self._target = source, target
        self._tasks: queue.SimpleQueue[tuple[Task, bytes]] = queue.SimpleQueue()

    def run(self, options: WorkerOptions) -> None:
        threading.Thread(target=self._listen, daemon=True).start()
        try:
            model = _load(options)
        except (EngineError, RuntimeError, ValueError, AssertionError) as error:
            self._say(Loaded(failure=str(error)))
            return
        self._say(model.abilities)
        while True:
            self._say(_answer(model, *self._tasks.get()))

    def _listen(self) -> None:
        """A parent that is gone ends this at once, in the middle of whatever it does."""
        try:
            while header := self._source.read(HEADER.size):
                json_bytes, audio_bytes = unpack_header(header)
                task = Task.model_validate_json(self._source.read(json_bytes))
                self._tasks.put((task, self._source.read(audio_bytes)))
        finally:
            os._exit(0)

    def _say(self, message: Heard | Loaded) -> None:
        self._target.write(pack(message))
        self._target.flush()


def _load(options: WorkerOptions) -> models.OfflineModel:
    provider = choose_provider(options.provider, "stt")
    files = ModelFiles.find(options.model, prefers_int8=provider == "cpu")
    return models.load(files, options.threads, provider)


def _answer(model: models.OfflineModel, task: Task, pcm: bytes) -> Heard:
    begun = time.monotonic()
    try:
        samples = np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(FULL_SCALE)
        heard = model.hear(samples, task)
    except RuntimeError as error:
        heard = Heard(failure=str(error))
    return heard.model_copy(update={"took": time.monotonic() - begun})


def main() -> None:
    die_with_parent()
    options = WorkerOptions.model_validate_json(sys.argv[1])
    target = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the library prints is no message
    Worker(sys.stdin.buffer, target).run(options)


if __name__ == "__main__":
    main()
