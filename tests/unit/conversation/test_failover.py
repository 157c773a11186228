"""Whom to ask, in which order, and when again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from sottovoce.config import EngineEndpoint, EngineKind
from sottovoce.conversation.breaker import FAILURES, FIRST_REST, TRIAL_SHARE
from sottovoce.conversation.engines import Absent, Used
from sottovoce.conversation.failover import CHAIN_INTERVAL, LOOK_INTERVAL, Failover
from tests import virtual_time


def member(name: str, kind: EngineKind = "llm", deadline: float | None = None) -> EngineEndpoint:
    return EngineEndpoint(kind, f"http://{name}.test/v1", "", name, deadline=deadline)


class Engines:
    def __init__(self, *members: EngineEndpoint) -> None:
        self.members = list(members)

    def chain(self, kind: EngineKind) -> Sequence[EngineEndpoint]:
        return tuple(one for one in self.members if one.kind == kind)


class Health:
    """What engines say of themselves, and when they were asked."""

    def __init__(self) -> None:
        self.is_well = False
        self.looks: list[tuple[str, float]] = []

    async def __call__(self, endpoint: EngineEndpoint) -> bool:
        self.looks.append((endpoint.model, asyncio.get_running_loop().time()))
        return self.is_well


def names(failover: Failover) -> list[str]:
    return [choice.endpoint.model for choice in failover.choices("llm")]


def run(test: object, *members: EngineEndpoint) -> None:
    async def main() -> None:
        engines, health = Engines(*members), Health()
        failover = Failover(engines, health, asyncio.get_running_loop().time)
        try:
            await test(failover, engines, health)  # type: ignore[operator]
        finally:
            await failover.aclose()

    virtual_time.run(main())


def test_the_chain_is_asked_in_its_order() -> None:
    async def test(failover: Failover, engines: Engines, health: Health) -> None:
        first, second = failover.choices("llm")
        assert (first.used, first.is_last, first.is_trial) == (Used("a"), False, False)
        assert (second.used, second.is_last) == (Used("b", "a", None), True)
        first.failed("It broke.")
        assert second.used == Used("b", "a", "It broke.")  # the reason is told the first time already

    run(test, member("a"), member("b"), member("x", "tts"))


def test_who_failed_is_passed_over_until_it_is_well_and_then_tried_with_less_patience() -> None:
    async def test(failover: Failover, engines: Engines, health: Health) -> None:
        failover.choices("llm")[0].failed("It hangs.", is_late=True)
        (only,) = failover.choices("llm")
        assert only.used == Used("b", "a", "It hangs.")
        await asyncio.sleep(FIRST_REST + 2.5 * LOOK_INTERVAL)
        assert names(failover) == ["b"]
        assert [at for _, at in health.looks] == [FIRST_REST, FIRST_REST + 1, FIRST_REST + 2]
        health.is_well = True
        await asyncio.sleep(LOOK_INTERVAL)
        trial, after = failover.choices("llm")
        assert (trial.is_trial, trial.deadline(9.0)) == (True, 9.0 * TRIAL_SHARE)
        assert after.deadline(9.0) == 9.0
        assert names(failover) == ["b"]  # one at a time
        trial.succeeded(1.0)
        assert names(failover) == ["a", "b"]
        looked = len(health.looks)
        await asyncio.sleep(60)
        assert len(health.looks) == looked  # nobody looks at those that work

    run(test, member("a"), member("b"))


def test_a_trial_that_fails_does_not_cost_the_whole_deadline_and_is_followed_by_a_longer_rest() -> None:
    async def test(failover: Failover, engines: Engines, health: Health) -> None:
        health.is_well = True
        failover.choices("llm")[0].failed("It hangs.", is_late=True)
        await asyncio.sleep(FIRST_REST + 0.1)
        trial = failover.choices("llm")[0]
        assert trial.deadline(9.0) == 3.0
        trial.failed("It still hangs.", is_late=True)
        await asyncio.sleep(2 * FIRST_REST - 0.1)
        assert names(failover) == ["b"]
        await asyncio.sleep(0.2)
        assert names(failover) == ["a", "b"]

    run(test, member("a"), member("b"))


def test_where_none_works_all_are_asked_the_last_with_all_its_time() -> None:
    async def test(failover: Failover, engines: Engines, health: Health) -> None:
        for choice in failover.choices("llm"):
            choice.failed("It hangs.", is_late=True)
        first, last = failover.choices("llm")
        assert (first.endpoint.model, first.deadline(9.0)) == ("a", 3.0)
        assert (last.endpoint.model, last.deadline(9.0)) == ("b", 9.0)

    run(test, member("a"), member("b"))


def test_the_only_one_is_always_asked_with_all_its_time() -> None:
    async def test(failover: Failover, engines: Engines, health: Health) -> None:
        for _ in range(FAILURES):
            failover.choices("llm")[0].failed("No.")
        (only,) = failover.choices("llm")
        assert (only.is_only, only.is_last, only.deadline(9.0)) == (True, True, 7.0)

    run(test, member("a", deadline=7.0))


def test_only_those_that_are_wanted_are_asked() -> None:
    async def test(failover: Failover, engines: Engines, health: Health) -> None:
        wanted = engines.members[1]
        (choice,) = failover.choices("llm", lambda endpoint: endpoint == wanted)
        assert choice.used == Used("b")
        assert len(failover.choices("llm", lambda endpoint: False)) == 2

    run(test, member("a"), member("b"))


def test_an_engine_that_left_is_forgotten_and_not_looked_at() -> None:
    async def test(failover: Failover, engines: Engines, health: Health) -> None:
        gone = engines.members.pop(0)
        engines.members.insert(0, gone)
        failover.choices("llm")[0].failed("It hangs.", is_late=True)
        engines.members.remove(gone)
        await asyncio.sleep(60)
        assert health.looks == []
        assert names(failover) == ["b"]
        engines.members.insert(0, gone)  # come back, it is one like any other
        assert names(failover) == ["a", "b"]

    run(test, member("a"), member("b"))


def test_changes_of_a_chain_are_told_to_those_who_listen() -> None:
    async def test(failover: Failover, engines: Engines, health: Health) -> None:
        told: list[float] = []
        stop = failover.listen("llm", lambda: told.append(asyncio.get_running_loop().time()))
        await asyncio.sleep(1.0)
        assert told == []
        engines.members.insert(0, member("new"))
        await asyncio.sleep(CHAIN_INTERVAL + 0.01)
        assert len(told) == 1
        stop()
        engines.members.pop()
        await asyncio.sleep(1.0)
        assert len(told) == 1
        assert [t for t in asyncio.all_tasks() if "chains" in t.get_name() and not t.done()] == []

    run(test, member("a"))


def test_how_they_stand_and_what_happened_can_be_read() -> None:
    async def test(failover: Failover, engines: Engines, health: Health) -> None:
        first, second = failover.choices("llm")
        first.failed("It hangs.", is_late=True)
        second.succeeded(0.1)
        standings = failover.standings("llm")
        assert [(one.model, one.breaker, one.reason) for one in standings] == [
            ("a", "open", "It hangs."),
            ("b", "closed", None),
        ]
        counted = {(model, outcome): count for (_, model, outcome), count in failover.outcomes.items()}
        assert counted == {("a", "late"): 1, ("a", "opened"): 1, ("b", "answered"): 1}

    run(test, member("a"), member("b"))


@pytest.mark.parametrize("used", ["b", "a"])
def test_who_is_not_even_in_the_chain_is_told_as_well(used: str) -> None:
    async def main() -> None:
        absent = Absent("a", "it is loading", is_coming=True)
        failover = Failover(Engines(member(used)), absent=lambda kind: absent)
        expected = Used("a") if used == "a" else Used("b", "a", "it is loading", is_coming=True)
        assert failover.choices("llm")[0].used == expected

    virtual_time.run(main())


def test_who_comes_excuses_only_the_next_of_the_chain() -> None:
    async def main() -> None:
        absent = Absent("a", "it is loading", is_coming=True)
        failover = Failover(Engines(member("b"), member("c")), absent=lambda kind: absent)
        assert [choice.used.is_coming for choice in failover.choices("llm")] == [True, False]

    virtual_time.run(main())


def test_whoever_keeps_an_engine_is_told_of_deadlines_that_passed() -> None:
    async def main() -> None:
        suspected: list[EngineEndpoint] = []
        failover = Failover(Engines(member("a")), Health(), suspect=suspected.append)
        (choice,) = failover.choices("llm")
        choice.failed("It refused.")
        choice.failed("It hangs.", is_late=True)
        assert suspected == [member("a")]
        await failover.aclose()

    virtual_time.run(main())
