"""The queue between a voice and a transport: filled faster than real time, pulled 20 ms at a time."""

from __future__ import annotations

from dataclasses import dataclass

PLAYOUT_RATE_HZ = 24_000
FRAME_MS = 20
FRAME_BYTES = PLAYOUT_RATE_HZ * FRAME_MS // 1000 * 2


@dataclass(frozen=True, slots=True)
class PlayoutFrame:
    """20 ms of a reply: `samples` are 24 kHz mono s16le."""

    response_id: str
    item_id: str
    samples: bytes
