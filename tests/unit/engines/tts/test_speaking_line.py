import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from sottovoce.engines.tts.speaking_line import LineClosed, SpeakingLine


class Work:
    """Notes in which order it was done; "gate" waits until it is opened."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.began, self.gate = threading.Event(), threading.Event()

    def hold(self) -> str:
        self.began.set()
        assert self.gate.wait(10)
        return "held"

    def note(self, name: str) -> str:
        self.done.append(name)
        return name


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
async def line(work: Work) -> AsyncIterator[SpeakingLine]:
    made = SpeakingLine(1)
    yield made
    work.gate.set()
    made.close()


async def busy(line: SpeakingLine, work: Work) -> asyncio.Task[str]:
    """The only thread works, until the gate is opened."""
    holding = asyncio.create_task(line.run(work.hold, 0.0, 10))
    assert await asyncio.to_thread(work.began.wait, 10)
    return holding


async def queued(line: SpeakingLine, work: Work, name: str, due: float) -> asyncio.Task[str]:
    waiting = line.waiting
    task = asyncio.create_task(line.run(lambda: work.note(name), due, 10))
    await asyncio.sleep(0)
    assert line.waiting == waiting + 1
    return task


async def test_results_come_back(line: SpeakingLine, work: Work) -> None:
    assert await line.run(lambda: work.note("one"), 0.0, 10) == "one"


async def test_the_most_urgent_goes_first(line: SpeakingLine, work: Work) -> None:
    holding = await busy(line, work)
    tasks = [
        await queued(line, work, name, due) for name, due in (("late", 9.0), ("soon", 3.0), ("now", 1.0))
    ]
    tasks.append(await queued(line, work, "also soon", 3.0))
    work.gate.set()
    await asyncio.gather(holding, *tasks)
    assert work.done == ["now", "soon", "also soon", "late"]


async def test_what_was_cancelled_is_not_begun(line: SpeakingLine, work: Work) -> None:
    holding = await busy(line, work)
    left = await queued(line, work, "left", 1.0)
    kept = await queued(line, work, "kept", 2.0)
    left.cancel()
    await asyncio.wait({left})
    assert line.waiting == 1
    work.gate.set()
    await asyncio.gather(holding, kept)
    assert work.done == ["kept"]


async def test_who_leaves_during_the_work_frees_the_line_when_it_ends(line: SpeakingLine, work: Work) -> None:
    holding = await busy(line, work)
    holding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await holding
    work.gate.set()
    assert await line.run(lambda: work.note("next"), 0.0, 10) == "next"


async def test_what_the_work_raises_is_raised(line: SpeakingLine) -> None:
    def fail() -> None:
        raise LookupError("no such thing")

    with pytest.raises(LookupError, match="no such thing"):
        await line.run(fail, 0.0, 10)


async def test_work_that_hangs_is_not_waited_for(line: SpeakingLine, work: Work) -> None:
    with pytest.raises(TimeoutError):
        await line.run(work.hold, 0.0, 0.01)


async def test_who_waits_when_it_closes_is_told(line: SpeakingLine, work: Work) -> None:
    await (await _closed_with_one_waiting(line, work))


async def _closed_with_one_waiting(line: SpeakingLine, work: Work) -> asyncio.Task[str]:
    holding = await busy(line, work)
    waiting = await queued(line, work, "never", 1.0)
    line.close()
    with pytest.raises(LineClosed):
        await waiting
    with pytest.raises(LineClosed):
        await line.run(lambda: work.note("never"), 0.0, 10)
    work.gate.set()
    return holding


async def test_several_threads_work_at_once() -> None:
    line, barrier = SpeakingLine(2), threading.Barrier(2)
    await asyncio.gather(*(line.run(lambda: barrier.wait(5), 0.0, 10) for _ in range(2)))
    line.close()
