from __future__ import annotations

from dataclasses import dataclass

import pytest

from sottovoce.gateway.page_pass import LIFETIME, PagePasses


@dataclass
class Clock:
    now: float = 1_700_000_000.5

    def __call__(self) -> float:
        return self.now


def test_a_pass_outlives_a_restart_and_ends_with_its_time() -> None:
    clock = Clock()
    given = PagePasses("sk-server", clock).issue("key_1")
    clock.now += LIFETIME - 1
    assert PagePasses("sk-server", clock).key_of(given) == "key_1"
    clock.now += 1
    assert PagePasses("sk-server", clock).key_of(given) is None


def test_a_new_server_key_ends_them_all() -> None:
    assert PagePasses("sk-other").key_of(PagePasses("sk-server").issue("key_1")) is None


@pytest.mark.parametrize(
    "given",
    ["", ".", "..", "key_1", "key_1.1700000000", "key_1.1700000000.", "server.x.y", "\xff.1.2", "a.b" * 999],
)
def test_what_is_none_of_ours_stands_for_nobody(given: str) -> None:
    assert PagePasses("sk-server").key_of(given) is None


def test_nothing_of_a_pass_can_be_changed() -> None:
    clock = Clock()
    passes = PagePasses("sk-server", clock)
    key_id, issued, signature = passes.issue("key_1").split(".")
    for changed in (
        f"server.{issued}.{signature}",
        f"{key_id}.{int(issued) + 9}.{signature}",
        f"{key_id}.{issued}.{'0' * 64}",
        f"{key_id}.{issued}.{signature[:-1]}",
    ):
        assert passes.key_of(changed) is None


def test_a_pass_of_the_future_is_none() -> None:
    clock = Clock()
    given = PagePasses("sk-server", clock).issue("key_1")
    clock.now -= 10
    assert PagePasses("sk-server", clock).key_of(given) is None


def test_the_key_stays_out_of_sight() -> None:
    assert "sk-server" not in repr(PagePasses("sk-server"))
