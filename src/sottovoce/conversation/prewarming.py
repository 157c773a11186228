"""Has the language model read what each prompt of a conversation begins with, before anybody waits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from sottovoce.conversation.adapters.llm import ServiceLLM
from sottovoce.conversation.asking import Question

logger = logging.getLogger(__name__)


class Prewarming:
    """One at a time, the newest; whatever the user asks comes before it."""

    def __init__(self, model: ServiceLLM, question: Callable[[], Question]) -> None:
        """`question` is what would be asked now if the user said something."""
        self._model = model
        model.on_question = self.stop
        self._question = question
        self._task: asyncio.Task[None] | None = None
        self._stop_listening: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Now, and whenever another model comes first."""
        self._stop_listening = self._model.clients.failover.listen("llm", self.again)
        self.again()

    def again(self) -> None:
        """What prompts begin with has changed."""
        self.stop()
        self._task = asyncio.create_task(self._model.read_ahead(self._question), name="prewarm")

    def stop(self) -> None:
        """Make way. Idempotent."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def aclose(self) -> None:
        self._stop_listening()
        task = self._task
        self.stop()
        if task is not None:
            await asyncio.gather(task, return_exceptions=True)
