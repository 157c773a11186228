"""Which of the native SDK's events wake whom.

livekit's SDK hands every event of the process to every queue that might want it: each frame of each room
wakes every room and every sound, which costs the square of their number. Here each is handed its own. This
reaches into the SDK, which is pinned; decision 131 has the figures.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from livekit import rtc
from livekit.rtc._ffi_client import FfiClient

Wanted: TypeAlias = Callable[[Any], bool]

NO_ROOMS: Final = frozenset(
    (
        "audio_stream_event",
        "video_stream_event",
        "capture_audio_frame",
        "text_stream_reader_event",
        "byte_stream_reader_event",
    )
)
"""Events, many of them, that a room never looks at."""


def narrow_sound(stream: rtc.AudioStream) -> None:
    """Wake `stream` for its own frames only."""
    handle = stream._ffi_handle.handle

    def wanted(event: Any) -> bool:
        is_sound = event.WhichOneof("message") == "audio_stream_event"
        return is_sound and bool(event.audio_stream_event.stream_handle == handle)

    _narrow(stream._ffi_queue, wanted)


def narrow_room(room: rtc.Room) -> None:
    """Wake `room`, which is connected, for what concerns rooms, and of that for its own."""
    assert room._ffi_handle is not None
    handle = room._ffi_handle.handle

    def wanted(event: Any) -> bool:
        kind = event.WhichOneof("message")
        is_own = kind != "room_event" or bool(event.room_event.room_handle == handle)
        return is_own and kind not in NO_ROOMS

    _narrow(room._ffi_queue, wanted)


def _narrow(queue: asyncio.Queue[Any], wanted: Wanted) -> None:
    events = FfiClient.instance.queue
    with events._lock:
        events._subscribers[:] = [
            (known, loop, wanted if known is queue else before) for known, loop, before in events._subscribers
        ]
