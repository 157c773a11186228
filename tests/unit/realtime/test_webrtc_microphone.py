from __future__ import annotations

import asyncio

import av
import pytest
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from sottovoce.realtime import live_sound
from sottovoce.realtime.webrtc_microphone import hear
from tests.fake_session import FakeSession


class ScriptedTrack(MediaStreamTrack):
    """Gives the frames it is fed; None ends it."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.frames: asyncio.Queue[av.AudioFrame | None] = asyncio.Queue()

    def feed(self, level: int) -> None:
        frame = av.AudioFrame(format="s16", layout="mono", samples=960)
        frame.planes[0].update(level.to_bytes(2, "little") * 960)
        frame.sample_rate = 48_000
        self.frames.put_nowait(frame)

    async def recv(self) -> av.AudioFrame:
        frame = await self.frames.get()
        if frame is None:
            raise MediaStreamError
        return frame


@pytest.fixture(autouse=True)
def _short_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_sound, "GAP", 0.01)
    monkeypatch.setattr(live_sound, "MAX_FILLED", 0.03)


async def test_every_frame_is_pushed_whole_and_in_order() -> None:
    track, session = ScriptedTrack(), FakeSession()
    for level in (1, 2, 3):
        track.feed(level)
    track.frames.put_nowait(None)
    await hear(track, session)
    assert bytes(session.heard) == b"".join(level.to_bytes(2, "little") * 960 for level in (1, 2, 3))


async def test_a_sender_that_stops_is_followed_by_silence_for_a_while() -> None:
    track, session, is_filled = ScriptedTrack(), FakeSession(), asyncio.Event()
    silence = bytes(int(live_sound.GAP * 48_000) * 2)
    push = session.push_audio

    def push_audio(frame: object) -> None:
        push(frame)  # type: ignore[arg-type]
        if len(session.heard) >= 960 * 2 + 3 * len(silence):
            is_filled.set()

    session.push_audio = push_audio  # type: ignore[method-assign]
    track.feed(9)
    hearing = asyncio.create_task(hear(track, session))
    await is_filled.wait()
    track.frames.put_nowait(None)
    await hearing
    assert bytes(session.heard)[960 * 2 :] == silence * 3


async def test_a_sender_that_never_spoke_is_not_waited_for() -> None:
    track, session = ScriptedTrack(), FakeSession()
    hearing = asyncio.create_task(hear(track, session))
    done, _ = await asyncio.wait([hearing], timeout=0.1)
    assert not done
    assert session.heard == b""
    track.frames.put_nowait(None)
    await hearing
