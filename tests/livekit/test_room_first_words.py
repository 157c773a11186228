"""What somebody said before the assistant came, as LiveKit's clients record and send it."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest

from tests.livekit.participant import MICROPHONE_HZ, Participant, present, token
from tests.livekit.rooms import AudibleSession, Sessions, holding
from tests.livekit_server import LiveKitServer

pytestmark = pytest.mark.timeout(40)

SPOKEN_HZ = 1_000
FORMS = [
    ("audio/webm;codecs=opus", "webm", "libopus"),
    ("video/mp4", "mp4", "aac"),
]
"""Of Chromium and Firefox, and of Safari."""


def tone(seconds: float, rate_hz: int, channels: int = 1) -> np.ndarray:
    """As samples of `channels`, interleaved; silent on all but the first."""
    wave = np.zeros((int(seconds * rate_hz), channels), np.int16)
    wave[:, 0] = np.sin(np.arange(len(wave)) * 2 * np.pi * SPOKEN_HZ / rate_hz) * 12_000
    return wave.reshape(-1)


def recorded(container: str, codec: str) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=48_000, layout="mono")
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(tone(1.0, 48_000).reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = 48_000
        resampler = av.AudioResampler(stream.format, "mono", 48_000, frame_size=stream.frame_size)
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            output.mux(stream.encode(piece))
        output.mux(stream.encode(None))
    return file.getvalue()


def loud_seconds(session: AudibleSession, rate_hz: int) -> float:
    """Of the tone at the beginning of what the session heard."""
    pcm = np.frombuffer(bytes(session.heard), np.int16).astype(float)
    loud = np.flatnonzero(np.abs(pcm) > 1_500)
    return 0.0 if loud.size == 0 else float(loud[-1] - loud[0]) / rate_hz


async def came(ann: Participant, sessions: Sessions, rate_hz: int, seconds: float = 1.0) -> float:
    """How much of the tone came, once the live sound after it has come as well."""
    enough = int((seconds + 0.5) * rate_hz) * 2
    await ann.until(lambda: sessions.made and len(sessions.one.heard) > enough)
    return loud_seconds(sessions.one, rate_hz)


@pytest.mark.parametrize(("rate_hz", "channels"), [(16_000, 1), (24_000, 1), (48_000, 2)])
async def test_bare_samples_are_heard_before_what_is_live(
    livekit: LiveKitServer, room_name: str, rate_hz: int, channels: int
) -> None:
    sessions = Sessions()
    async with (
        present(livekit, room_name, "ann") as ann,
        holding(livekit, room_name, sessions),
    ):
        await ann.publish(has_first_words=True)
        shape = {"sampleRate": str(rate_hz), "channels": str(channels)}
        await ann.send_first_words(tone(1.0, rate_hz, channels).tobytes(), **shape)
        assert await came(ann, sessions, rate_hz) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize(("mime_type", "container", "codec"), FORMS)
async def test_what_browsers_record_is_heard_before_what_is_live(
    livekit: LiveKitServer, room_name: str, mime_type: str, container: str, codec: str
) -> None:
    sessions = Sessions()
    async with (
        present(livekit, room_name, "ann") as ann,
        holding(livekit, room_name, sessions),
    ):
        await ann.publish(has_first_words=True)
        await ann.send_first_words(recorded(container, codec), mime_type)
        assert await came(ann, sessions, MICROPHONE_HZ) == pytest.approx(1.0, abs=0.1)


async def test_what_never_comes_costs_the_words_alone(
    livekit: LiveKitServer, room_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sottovoce.livekit.room.first_words.PATIENCE", 0.3)
    sessions = Sessions()
    async with (
        present(livekit, room_name, "ann") as ann,
        holding(livekit, room_name, sessions) as held,
    ):
        await ann.publish(has_first_words=True)
        await ann.send_first_words(b"no recording of anything" * 100, "audio/webm;codecs=opus")
        await ann.until(lambda: sessions.made and sessions.one.heard)
        await ann.speak(tone(0.5, MICROPHONE_HZ))
        await ann.until(lambda: loud_seconds(sessions.one, MICROPHONE_HZ) > 0.4)
        assert not held.over.done()


async def test_only_who_is_heard_is_heard_from_before(livekit: LiveKitServer, room_name: str) -> None:
    sessions = Sessions()
    async with (
        present(livekit, room_name, "ann", speaks=True) as ann,
        holding(livekit, room_name, sessions),
        present(livekit, room_name, "bob") as bob,
    ):
        await ann.until(lambda: sessions.made and sessions.one.heard)
        await bob.publish(has_first_words=True)
        await bob.send_first_words(tone(1.0, MICROPHONE_HZ).tobytes())
        sessions.one.heard.clear()
        assert await came(ann, sessions, MICROPHONE_HZ) == 0.0


async def test_who_leaves_while_their_first_words_are_waited_for_costs_nobody_anything(
    livekit: LiveKitServer, room_name: str
) -> None:
    sessions, ann = Sessions(), Participant("ann")
    await ann.join(livekit.url, token(livekit, room_name, "ann"))
    await ann.publish(has_first_words=True)
    async with (
        holding(livekit, room_name, sessions) as held,
        present(livekit, room_name, "bob", speaks=True) as bob,
    ):
        await bob.until(lambda: sessions.made and sessions.one.is_started)
        await ann.leave()
        await bob.until(lambda: sessions.one.heard)
        assert not held.over.done()
