"""Another model for one kind, while conversations go on: beside the old one, and then in its place."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ByteSize

from sottovoce.errors import EngineUnavailable
from sottovoce.models.installed import InstalledModel
from sottovoce.models.plan import Link
from sottovoce.processes.cancelling import completed
from sottovoce.services.chain import DRAIN_DEADLINE, Chain
from sottovoce.services.loading import weigh
from sottovoce.services.member import Member
from sottovoce.services.memory import FreeMemory, free_memory

logger = logging.getLogger(__name__)

RESERVE_BYTES = 256 << 20
"""Memory that a new model must leave to everything else on the machine."""

SHORT_DRAIN = 20.0
"""Seconds for the old engine to finish where the new one needs its memory, and waits for it."""

_ENDING = "The server is ending."


@dataclass(frozen=True, slots=True)
class Swap:
    """One change of the preferred model. Whatever ends `run` early leaves the chain as it was."""

    chain: Chain
    model: InstalledModel
    fallbacks: Sequence[Link]
    free_memory: FreeMemory = free_memory

    async def run(self) -> None:
        """Returns when the model is asked. Raises `EngineUnavailable` with the reason why it cannot be."""
        if self.chain.is_closing:
            raise EngineUnavailable(_ENDING, engine=self.chain.kind)
        if (there := self.chain.find(self.model)) is not None:
            await self._until_loaded(there)
            self._arrange(self._links)
        elif await self._fits_beside():
            await self._beside()
        else:
            await self._instead()

    @property
    def _links(self) -> list[Link]:
        return self.chain.desired(self.model, self.fallbacks)

    async def _beside(self) -> None:
        """The old one answers until the new one is ready."""
        newcomer, is_in = self.chain.make(self.model), False
        self.chain.expect(newcomer)
        try:
            newcomer.start(is_on_trial=True)
            await self._until_loaded(newcomer)
            self._arrange(self._links, newcomer)
            is_in = True
        finally:
            self.chain.expect(None)
            if not is_in:
                await completed(newcomer.end())

    async def _instead(self) -> None:
        """The old one makes room first, and comes back if the new one fails; who is behind it answers."""
        newcomer, is_in = self.chain.make(self.model), False
        before = [member.link for member in self.chain.members]
        logger.info("%s: the old model makes room for %s", self.chain.kind, self.model.id)
        self.chain.expect(newcomer)
        try:
            behind = [link for link in self._links if self.chain.find(link) is not None]
            self._arrange(behind or [self.model], newcomer, drain=SHORT_DRAIN)
            await self.chain.all_left()
            newcomer.start(is_on_trial=True)
            await self._until_loaded(newcomer)
            self._arrange(self._links, newcomer)
            is_in = True
        finally:
            self.chain.expect(None)
            if not is_in:
                await completed(self._undo(newcomer, before))

    async def _undo(self, newcomer: Member, before: Sequence[Link]) -> None:
        await newcomer.end()
        if not self.chain.is_closing:
            await self.chain.all_left()  # what comes back needs the memory, too
        if not self.chain.is_closing:
            self._arrange(before, newcomer)

    async def _until_loaded(self, member: Member) -> None:
        if failure := await member.loaded():
            message = f"The model {self.model.id} {failure.rstrip('.')}."
            raise EngineUnavailable(message, engine=self.chain.kind, code="model_failed")
        member.pass_trial()

    def _arrange(
        self, links: Sequence[Link], newcomer: Member | None = None, drain: float = DRAIN_DEADLINE
    ) -> None:
        for member in self.chain.arrange(links, newcomer):
            if member is not newcomer:
                self.chain.dismiss(member, drain)

    async def _fits_beside(self) -> bool:
        """Whether both have room at one time. Raises `EngineUnavailable` where not even the new one has."""
        needed, free = (await weigh(self.model)).memory_bytes, await self.free_memory() - RESERVE_BYTES
        if not needed or needed <= free:
            return True
        if needed <= (most := free + self._held()):
            return False
        raise EngineUnavailable(
            f"The model {self.model.id} needs {_human(needed)} of memory, and {_human(most)} can be had. "
            "Choose a smaller one (sottovoce models fit), or end what else runs here.",
            engine=self.chain.kind,
            code="out_of_memory",
        )

    def _held(self) -> int:
        """Bytes that those hold who would go."""
        staying = self._links
        leaving = [member for member in self.chain.members if member.link not in staying]
        return sum(member.status.memory_bytes or 0 for member in leaving)


def _human(size_bytes: int) -> str:
    return ByteSize(max(size_bytes, 0)).human_readable(decimal=True, separator=" ")


@dataclass(slots=True)
class _Run:
    model: InstalledModel
    task: asyncio.Task[None]
    waiting: int = 0

    async def give_up(self) -> None:
        """Returns when it has tidied up after itself, which nobody interrupts."""
        if not self.task.cancelling():
            self.task.cancel()
        await asyncio.wait({self.task})


class Swaps:
    """The swaps of one kind, one at a time: the last that is asked for wins."""

    def __init__(self) -> None:
        self._run: _Run | None = None

    @property
    def is_under_way(self) -> bool:
        return self._run is not None and not self._run.task.done()

    async def perform(self, swap: Swap) -> None:
        """Returns when `swap` is done, or the same one that is under way already.

        Raises what it raises, and `EngineUnavailable` with code "superseded" where another model is asked for
        meanwhile. Cancelling the last who waits for a swap cancels it, and its child is gone before that is
        told.
        """
        run = await self._turn(swap)
        await self._wait(run)
        if run.task.cancelled() and swap.chain.is_closing:
            raise EngineUnavailable(_ENDING, engine=swap.chain.kind)
        if run.task.cancelled():
            raise EngineUnavailable(
                f"The model {swap.model.id} is not used: another one was chosen meanwhile.",
                engine=swap.chain.kind,
                code="superseded",
            )
        run.task.result()

    async def cancel(self) -> None:
        """Give up what is under way, cleanly."""
        while self._run is not None and self.is_under_way:
            await self._run.give_up()

    async def _turn(self, swap: Swap) -> _Run:
        while True:
            run = self._run
            if run is None or run.task.done():
                task = asyncio.create_task(swap.run(), name=f"use {swap.model.id}")
                self._run = _Run(swap.model, task)
                return self._run
            if run.model == swap.model and not run.task.cancelling():
                return run
            await run.give_up()

    async def _wait(self, run: _Run) -> None:
        run.waiting += 1
        try:
            await asyncio.wait({run.task})
        except asyncio.CancelledError:
            if run.waiting == 1:
                await run.give_up()
            raise
        finally:
            run.waiting -= 1
