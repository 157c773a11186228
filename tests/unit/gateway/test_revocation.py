from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sottovoce.gateway import revocation
from sottovoce.gateway.keys import KeyStore
from sottovoce.gateway.revocation import REVOKED, end_revoked, watch_keys
from sottovoce.realtime.commands import Close


@dataclass(eq=False)
class Talking:
    """A transport with conversations under some keys."""

    keys: set[str]
    ended: list[tuple[str, Close]] = field(default_factory=list)

    def owners(self) -> set[str]:
        return set(self.keys)

    def end_of(self, owner: str, ending: Close) -> None:
        self.keys.discard(owner)
        self.ended.append((owner, ending))


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / "keys.sqlite3")


def test_what_goes_on_under_a_revoked_key_ends_on_every_transport(store: KeyStore) -> None:
    kept, _ = store.create("kept", ("realtime",))
    gone, _ = store.create("gone", ("realtime",))
    one, two = Talking({kept.id, gone.id}), Talking({gone.id})
    asyncio.run(end_revoked(store, (one, two)))
    assert one.ended == two.ended == []
    store.revoke("gone")
    asyncio.run(end_revoked(store, (one, two)))
    assert one.ended == two.ended == [(gone.id, REVOKED)]
    assert one.keys == {kept.id}


def test_nobody_looks_while_nobody_talks_under_a_key(store: KeyStore) -> None:
    store.path.write_bytes(b"damaged" * 100)  # looking would fail
    asyncio.run(end_revoked(store, (Talking(set()),)))


async def test_keys_that_cannot_be_read_end_nothing_and_are_told_once(
    store: KeyStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    talking, looks = Talking({"key_1"}), 0
    await asyncio.to_thread(store.create, "any", ("realtime",))
    await asyncio.to_thread(store.path.write_bytes, b"damaged" * 100)

    async def after(look: Callable[[], None]) -> None:
        nonlocal looks
        looks += 1
        if looks == 4:
            raise asyncio.CancelledError

    monkeypatch.setattr(revocation.asyncio, "sleep", after)
    with caplog.at_level(logging.ERROR), pytest.raises(asyncio.CancelledError):
        await watch_keys(store, (talking,))
    assert talking.ended == []
    assert len(caplog.records) == 1
