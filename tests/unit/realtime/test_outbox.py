from __future__ import annotations

import asyncio

import pytest

from sottovoce.realtime.outbox import Outbox, OutboxFull


async def test_messages_come_out_in_order() -> None:
    outbox = Outbox()
    outbox.put("a")
    outbox.put("b")
    assert [await outbox.get(), await outbox.get()] == ["a", "b"]


async def test_a_reader_waits_for_the_next_message() -> None:
    outbox = Outbox()
    reader = asyncio.create_task(outbox.get())
    await asyncio.sleep(0)
    assert not reader.done()
    outbox.put("late")
    assert await reader == "late"


async def test_it_is_bounded_in_bytes_and_has_room_again_when_read() -> None:
    outbox = Outbox(limit_bytes=10)
    outbox.put("12345678")
    with pytest.raises(OutboxFull):
        outbox.put("901")
    assert outbox.used_bytes == 8
    await outbox.get()
    outbox.put("901")
    assert outbox.used_bytes == 3
