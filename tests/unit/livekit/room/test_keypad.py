"""Keys of a telephone, in virtual time."""

from __future__ import annotations

import asyncio

from sottovoce.livekit.room.keypad import MAX_DIGITS, PAUSE, Keypad
from tests.virtual_time import run


class Turns:
    def __init__(self) -> None:
        self.made: list[tuple[float, str, str]] = []

    def __call__(self, identity: str, keys: str) -> None:
        self.made.append((round(asyncio.get_running_loop().time(), 3), identity, keys))


async def pressed(*keys: tuple[float, str, str], leaves: str = "") -> list[tuple[float, str, str]]:
    turns = Turns()
    keypad = Keypad(turns)
    for at, identity, digit in keys:
        await asyncio.sleep(at - asyncio.get_running_loop().time())
        keypad.press(identity, digit)
    keypad.forget(leaves)
    await asyncio.sleep(2 * PAUSE)
    keypad.close()
    return turns.made


def test_the_hash_key_ends_a_turn() -> None:
    assert run(pressed((0, "a", "1"), (0.1, "a", "2"), (0.2, "a", "#"))) == [(0.2, "a", "1 2")]


def test_so_does_a_pause() -> None:
    assert run(pressed((0, "a", "1"), (0.5, "a", "*"))) == [(0.5 + PAUSE, "a", "1 *")]


def test_the_hash_key_alone_is_a_turn_too() -> None:
    assert run(pressed((0, "a", "#"))) == [(0, "a", "#")]


def test_two_callers_do_not_mix() -> None:
    made = run(pressed((0, "a", "1"), (0.1, "b", "2"), (0.2, "b", "#"), (0.3, "a", "#")))
    assert made == [(0.2, "b", "2"), (0.3, "a", "1")]


def test_one_who_leans_on_a_key_is_cut_off() -> None:
    made = run(pressed(*((n / 10, "a", "5") for n in range(MAX_DIGITS + 1))))
    assert [len(keys.split()) for _, _, keys in made] == [MAX_DIGITS, 1]


def test_who_has_gone_says_nothing() -> None:
    assert run(pressed((0, "a", "1"), leaves="a")) == []
