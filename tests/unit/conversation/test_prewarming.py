"""What is read ahead makes way for what somebody asks; in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from types import SimpleNamespace
from typing import Any

from sottovoce.config import EngineEndpoint, EngineKind
from sottovoce.conversation.failover import CHAIN_INTERVAL, Failover
from sottovoce.conversation.prewarming import Prewarming
from tests import virtual_time


class Model:
    """A `ServiceLLM` that takes a minute to read."""

    def __init__(self) -> None:
        self.names = ["a"]
        self.failover = Failover(self)
        self.clients = SimpleNamespace(failover=self.failover)
        self.on_question: Callable[[], None] = lambda: None
        self.begun = 0
        self.read = 0

    def chain(self, kind: EngineKind) -> Sequence[EngineEndpoint]:
        return [EngineEndpoint(kind, f"http://{name}.test/v1", "", name) for name in self.names]

    async def read_ahead(self, question: Callable[[], object]) -> None:
        self.begun += 1
        await asyncio.sleep(60)
        self.read += 1


def run(test: Callable[[Prewarming, Model], Awaitable[None]]) -> None:
    async def main() -> None:
        model = Model()
        as_model: Any = model
        prewarming = Prewarming(as_model, lambda: as_model)
        try:
            prewarming.start()
            await asyncio.sleep(1)
            await test(prewarming, model)
        finally:
            await prewarming.aclose()
            await model.failover.aclose()

    virtual_time.run(main())


def test_it_is_read_at_the_start() -> None:
    async def test(prewarming: Prewarming, model: Model) -> None:
        await asyncio.sleep(60)
        assert (model.begun, model.read) == (1, 1)

    run(test)


def test_a_question_ends_it() -> None:
    async def test(prewarming: Prewarming, model: Model) -> None:
        model.on_question()
        await asyncio.sleep(100)
        assert (model.begun, model.read) == (1, 0)

    run(test)


def test_only_the_newest_is_read() -> None:
    async def test(prewarming: Prewarming, model: Model) -> None:
        prewarming.again()
        await asyncio.sleep(100)
        assert (model.begun, model.read) == (2, 1)

    run(test)


def test_another_model_reads_it_again_until_the_session_ends() -> None:
    async def test(prewarming: Prewarming, model: Model) -> None:
        model.names.insert(0, "new")
        await asyncio.sleep(2 * CHAIN_INTERVAL)
        assert model.begun == 2
        await prewarming.aclose()
        model.names.insert(0, "newer")
        await asyncio.sleep(100)
        assert (model.begun, model.read) == (2, 0)

    run(test)
