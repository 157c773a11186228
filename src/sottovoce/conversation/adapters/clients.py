"""Connections to the engines, kept alive and shared by all sessions of a process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import openai
from livekit.agents import llm
from livekit.plugins import openai as openai_plugin

from sottovoce.config import ENGINE_KINDS, EngineEndpoint
from sottovoce.conversation.adapters.batch_recognition import BatchRecognition
from sottovoce.conversation.adapters.facts import ModelFacts, model_facts, voices_of
from sottovoce.conversation.adapters.progress import noticing_client
from sottovoce.conversation.adapters.recognition import StreamingRecognition, can_stream
from sottovoce.conversation.adapters.segments import Ear, Hints, Segment
from sottovoce.conversation.engines import Engines
from sottovoce.conversation.failover import Failover
from sottovoce.errors import EngineError

MAX_CONNECTIONS = 64
NO_KEY = "none"
"""Sent to a model that asks for no key: without one the client would look for OpenAI's in the environment."""
KEEP_ALIVE = 60.0
"""Seconds an idle connection is kept; shorter than the services' own time-out."""
FACTS_AGE = 30.0
"""Seconds after which what an engine says about itself is asked for again, where it said nothing."""
COMMON_VOICE = "alloy"
"""OpenAI's oldest, which servers take that have other voices, too."""


class Line:
    """The way to one engine: a pool of connections, and what the engine has told about itself.

    Proxies of the environment are not asked: speech goes where the settings say and nowhere else.
    """

    def __init__(self, endpoint: EngineEndpoint) -> None:
        self.endpoint = endpoint
        self.users = 0
        self.streams: bool | None = None
        """Whether a recogniser takes speech as it comes, or only files; None until it is known."""
        self.facts: ModelFacts | None = None
        self._learning: asyncio.Task[None] | None = None
        self._learnt: float | None = None
        limits = httpx.Limits(
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=MAX_CONNECTIONS,
            keepalive_expiry=KEEP_ALIVE,
        )
        # certificates take a while to load, and most engines are on this machine
        self._has_tls = endpoint.url.startswith("https:")
        self.http = httpx.AsyncClient(verify=self._has_tls, limits=limits, trust_env=False)
        self._model: tuple[openai.AsyncClient, llm.LLM[str]] | None = None

    @property
    def language_model(self) -> llm.LLM[str]:
        if self._model is None:
            client = openai.AsyncClient(
                api_key=self.endpoint.api_key or NO_KEY,
                base_url=self.endpoint.url,
                max_retries=0,
                http_client=noticing_client(MAX_CONNECTIONS, KEEP_ALIVE, verify=self._has_tls),
            )
            model = openai_plugin.LLM(model=self.endpoint.model, client=client, _strict_tool_schema=False)
            self._model = client, model
        return self._model[1]

    async def can_stream(self) -> bool:
        """Asked until it is known; an engine that cannot be reached is taken for one that can."""
        if self.streams is None:
            self.streams = await can_stream(self.endpoint)
        return self.streams is not False

    def listen(
        self,
        hints: Hints,
        on_interim: Callable[[Segment], None],
        on_trouble: Callable[[EngineError], None],
    ) -> Ear:
        """An ear at this recogniser."""
        if self.streams is False:
            return BatchRecognition(self.endpoint, self.http, hints)
        return StreamingRecognition(self.endpoint, hints, on_interim, on_trouble)

    def learn(self) -> asyncio.Task[None] | None:
        """Ask what the engine says about itself, beside everything else; None where that is known."""
        now = asyncio.get_running_loop().time()
        if self._learning is not None and not self._learning.done():
            return self._learning
        if self.facts is not None or (self._learnt is not None and now - self._learnt < FACTS_AGE):
            return None
        self._learnt = now
        self._learning = asyncio.create_task(self._learn(), name=f"learn about {self.endpoint.model}")
        return self._learning

    async def aclose(self) -> None:
        if self._learning is not None:
            self._learning.cancel()
            await asyncio.gather(self._learning, return_exceptions=True)
        await self.http.aclose()
        if self._model is not None:
            client, model = self._model
            await model.aclose()
            await client.close()

    async def default_voice(self, instead_of: str) -> str:
        """What to ask a voice engine for that does not know `instead_of`: the name that most know, or the
        first of its own."""
        if instead_of != COMMON_VOICE:
            return COMMON_VOICE
        return next(iter(await voices_of(self.endpoint, self.http)), COMMON_VOICE)

    async def _learn(self) -> None:
        self.facts = await model_facts(self.endpoint, self.http)


class EngineClients:
    """A line to each engine that is, or lately was, in a chain.

    One that has left its chain is closed when nobody uses it any more.
    """

    def __init__(self, engines: Engines | Failover) -> None:
        self.failover = engines if isinstance(engines, Failover) else Failover(engines)
        self._lines: dict[EngineEndpoint, Line] = {}
        self._closing: set[asyncio.Task[None]] = set()

    @contextmanager
    def using(self, endpoint: EngineEndpoint) -> Iterator[Line]:
        """The line to `endpoint`, open for as long as the block lasts."""
        line = self.line(endpoint)
        line.users += 1
        try:
            yield line
        finally:
            line.users -= 1
            self.sweep()

    def line(self, endpoint: EngineEndpoint) -> Line:
        """The same, for those who only want to know something of it."""
        if endpoint not in self._lines:
            self._lines[endpoint] = Line(endpoint)
        return self._lines[endpoint]

    @property
    def lines(self) -> int:
        return len(self._lines)

    def sweep(self) -> None:
        """Close the lines to engines that have left, unless somebody still uses them."""
        there = {endpoint for kind in ENGINE_KINDS for endpoint in self.failover.chain(kind)}
        for endpoint, line in list(self._lines.items()):
            if endpoint not in there and line.users == 0:
                del self._lines[endpoint]
                closing = asyncio.create_task(line.aclose(), name=f"close the line to {endpoint.model}")
                self._closing.add(closing)
                closing.add_done_callback(self._closing.discard)

    async def aclose(self) -> None:
        """Close everything; call it when the process ends."""
        await self.failover.aclose()
        await asyncio.gather(*self._closing, return_exceptions=True)
        for line in self._lines.values():
            await line.aclose()
        self._lines.clear()
