"""Clauses of all speakers on their way through a few threads, the most urgent one first.

A clause is urgent when its listener has heard what was made before it: a speech that begins is due at once,
one that is seconds ahead of its listener can wait. So a long text does not delay a short answer by more than
the clause that is being made, and nobody waits for ever, since what is due only comes closer.
"""

from __future__ import annotations

import asyncio
import heapq
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class LineClosed(Exception):  # noqa: N818  named for the situation, as our other errors are
    """The line takes no more clauses."""


@dataclass(order=True, slots=True)
class _Job(Generic[T]):
    due: float
    number: int
    work: Callable[[], T] = field(compare=False)
    done: asyncio.Future[T] = field(compare=False)
    begun: asyncio.Future[None] = field(compare=False)

    def refuse(self) -> None:
        """It will never be begun."""
        with suppress(RuntimeError):
            self.done.get_loop().call_soon_threadsafe(
                _fail, self.begun, LineClosed("no clause is begun any more")
            )

    def run(self) -> None:
        """In a thread. What `work` raises comes out of `SpeakingLine.run`."""
        loop = self.done.get_loop()
        if self.done.cancelled():
            return
        with suppress(RuntimeError):  # the loop that waited is closed
            loop.call_soon_threadsafe(_finish, self.begun, None)
            try:
                result = self.work()
            except BaseException as error:  # noqa: BLE001  raised where it is awaited
                loop.call_soon_threadsafe(_fail, self.done, error)
            else:
                loop.call_soon_threadsafe(_finish, self.done, result)


class SpeakingLine:
    """`threads` of them work, as daemons: one that hangs in native code holds nobody."""

    def __init__(self, threads: int) -> None:
        self._jobs: list[_Job[Any]] = []
        self._numbers = count()
        self._change = threading.Condition()
        self._is_closed = False
        for index in range(threads):
            threading.Thread(target=self._work, name=f"voice-{index}", daemon=True).start()

    @property
    def waiting(self) -> int:
        """Clauses that nobody works on yet."""
        return len(self._jobs)

    async def run(self, work: Callable[[], T], due: float, deadline: float) -> T:
        """What `work` gives, done in its turn. Cancelled before that, it is not begun.

        Raises TimeoutError where it takes longer than `deadline` seconds once begun, and `LineClosed`.
        """
        loop = asyncio.get_running_loop()
        job = _Job(due, next(self._numbers), work, loop.create_future(), loop.create_future())
        with self._change:
            if self._is_closed:
                raise LineClosed("no clause is begun any more")
            heapq.heappush(self._jobs, job)
            self._change.notify()
        try:
            await job.begun
            async with asyncio.timeout(deadline):
                return await asyncio.shield(job.done)
        finally:
            job.done.cancel()
            self._forget(job)

    def close(self) -> None:
        """No other clause is begun, and who waits for one is told. Safe to call twice."""
        with self._change:
            self._is_closed = True
            for job in self._jobs:
                job.refuse()
            self._jobs.clear()
            self._change.notify_all()

    def _forget(self, job: _Job[Any]) -> None:
        with self._change:
            if job in self._jobs:
                self._jobs.remove(job)
                heapq.heapify(self._jobs)

    def _work(self) -> None:
        while (job := self._next()) is not None:
            job.run()

    def _next(self) -> _Job[Any] | None:
        with self._change:
            while not self._jobs and not self._is_closed:
                self._change.wait()
            return None if self._is_closed else heapq.heappop(self._jobs)


def _fail(done: asyncio.Future[T], error: BaseException) -> None:
    if not done.done():
        done.set_exception(error)


def _finish(done: asyncio.Future[T], result: T) -> None:
    if not done.done():
        done.set_result(result)
