"""Who is woken by which of the SDK's events; no server, no native room."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from livekit.rtc._ffi_client import FfiClient
from livekit.rtc._proto.ffi_pb2 import FfiEvent

from sottovoce.livekit.room.sdk_events import narrow_room, narrow_sound


async def handed(narrow: Any, handle: int, *events: FfiEvent) -> list[FfiEvent]:
    """What of `events` a queue gets that has been narrowed for the owner of `handle`."""
    sdk = FfiClient.instance.queue
    other, queue = sdk.subscribe(), sdk.subscribe()
    try:
        narrow(SimpleNamespace(_ffi_handle=SimpleNamespace(handle=handle), _ffi_queue=queue))
        for event in events:
            sdk.put(event)
        await asyncio.sleep(0)
        assert other.qsize() == len(events)
        return [queue.get_nowait() for _ in range(queue.qsize())]
    finally:
        sdk.unsubscribe(queue)
        sdk.unsubscribe(other)


def sound(handle: int) -> FfiEvent:
    event = FfiEvent()
    event.audio_stream_event.stream_handle = handle
    return event


def of_room(handle: int) -> FfiEvent:
    event = FfiEvent()
    event.room_event.room_handle = handle
    return event


def published() -> FfiEvent:
    event = FfiEvent()
    event.publish_track.async_id = 7
    return event


def captured() -> FfiEvent:
    event = FfiEvent()
    event.capture_audio_frame.async_id = 7
    return event


async def test_a_sound_is_woken_by_its_own_frames() -> None:
    assert await handed(narrow_sound, 1, sound(2), sound(1), of_room(1), captured()) == [sound(1)]


async def test_a_room_is_woken_by_its_own_events_and_by_answers() -> None:
    given = await handed(narrow_room, 1, sound(1), of_room(2), of_room(1), captured(), published())
    assert given == [of_room(1), published()]
