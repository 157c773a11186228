"""What voices the engines of the chain have, asked of each once, and told to those who open a session."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from pydantic import ValidationError

from sottovoce.config import EngineEndpoint
from sottovoce.conversation.adapters.facts import read_voices
from sottovoce.conversation.failover import Failover
from sottovoce.errors import EngineError
from sottovoce.http.engine_client import EngineClient, read_up_to
from sottovoce.realtime.audio_config import OPENAI_VOICES

logger = logging.getLogger(__name__)

VOICES_PATIENCE = 2.0
"""Seconds for an engine to list its voices: somebody waits for a session meanwhile."""
AGAIN_AFTER = 10.0
"""Seconds after which one that did not tell is asked again."""
MAX_VOICES_BYTES = 1 << 20
"""Of an engine's list."""


class VoiceListing:
    """`Voices` of the chain; OpenAI's names are among them always, for every engine knows what they mean."""

    def __init__(
        self, client: EngineClient, failover: Failover, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._failover = failover
        self._now = now
        self._told: dict[EngineEndpoint, frozenset[str]] = {}
        self._asked: dict[EngineEndpoint, float] = {}
        self._asking = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self) -> frozenset[str]:
        there = [self._told.get(endpoint, frozenset()) for endpoint in self._failover.chain("tts")]
        return OPENAI_VOICES.union(*there)

    async def learn(self) -> None:
        async with self._asking:
            chain = self._failover.chain("tts")
            self._told = {one: names for one, names in self._told.items() if one in chain}
            self._asked = {one: at for one, at in self._asked.items() if one in chain}
            await asyncio.gather(*(self._ask(endpoint) for endpoint in chain if self._is_unknown(endpoint)))

    def watch(self) -> Callable[[], None]:
        """Learn of each engine as it comes, until what is returned is called."""
        return self._failover.listen("tts", self._changed)

    def _changed(self) -> None:
        task = asyncio.create_task(self.learn(), name="learn the voices")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _is_unknown(self, endpoint: EngineEndpoint) -> bool:
        asked = self._asked.get(endpoint)
        return endpoint not in self._told and (asked is None or self._now() - asked >= AGAIN_AFTER)

    async def _ask(self, endpoint: EngineEndpoint) -> None:
        self._asked[endpoint] = self._now()
        try:
            async with (
                asyncio.timeout(VOICES_PATIENCE),
                self._client.ask(endpoint, "GET", "/audio/voices", patience=VOICES_PATIENCE) as reply,
            ):
                if reply.status == 200:
                    body = await read_up_to(reply, MAX_VOICES_BYTES) or b""
                    self._told[endpoint] = frozenset(read_voices(body))
        except (EngineError, ValidationError, TimeoutError) as error:
            logger.info("%s does not tell its voices: %s", endpoint.model, type(error).__name__)
