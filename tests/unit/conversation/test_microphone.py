from __future__ import annotations

import asyncio

import numpy as np
import pytest
from livekit import rtc

from sottovoce.audio.frame import AudioFrame
from sottovoce.conversation import microphone as module
from sottovoce.conversation.microphone import MAX_WAITING, PADDING, STALLED, Microphone
from sottovoce.conversation.places import PLACE
from sottovoce.errors import InvalidRequestError
from tests import virtual_time

SECOND = 16_000


def numbered(count: int) -> AudioFrame:
    """`count` frames of 20 ms at 16 kHz, each full of its number, from 1."""
    return AudioFrame(np.repeat(np.arange(1, count + 1, dtype=np.int16), 320).tobytes(), SECOND)


def number(frame: rtc.AudioFrame) -> int:
    return int(np.frombuffer(frame.data, np.int16)[0])


class Ear:
    """Takes frames as AgentSession does, and has heard each at once unless it `is_deaf`."""

    def __init__(self, microphone: Microphone) -> None:
        self.microphone = microphone
        self.is_deaf = False
        self.silence = 0.3
        self.quiet_from: int | None = None
        """The frame after which the user is silent, who spoke before."""
        self.numbers: list[int] = []
        self.samples: list[np.ndarray] = []

    async def listen(self) -> None:
        async for frame in self.microphone:
            self.numbers.append(number(frame))
            self.samples.append(np.frombuffer(frame.data, np.int16))
            if not self.is_deaf:
                self.microphone.listened(frame.userdata[PLACE], self._silence())

    def _silence(self) -> float:
        if self.quiet_from is None:
            return self.silence
        return max(0, len(self.numbers) - self.quiet_from) * 0.02


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_frames_of_any_length_come_out_as_20_ms() -> None:
    microphone = Microphone()
    for size in (100, 1000, 900):
        microphone.push(AudioFrame(bytes(size), SECOND))
    frame = await anext(microphone)
    assert (frame.sample_rate, frame.num_channels, frame.samples_per_channel) == (SECOND, 1, 320)
    assert microphone.pushed == pytest.approx(2000 / 2 / SECOND)


async def test_other_rates_are_resampled() -> None:
    microphone = Microphone()
    ear = Ear(microphone)
    tone = (8000 * np.sin(2 * np.pi * 440 * np.arange(24_000) / 24_000)).astype(np.int16)
    microphone.push(AudioFrame(tone.tobytes(), 24_000))
    microphone.end()
    await ear.listen()
    heard = np.concatenate(ear.samples)
    assert len(heard) == pytest.approx(SECOND, abs=800)
    spectrum = np.abs(np.fft.rfft(heard.astype(float)))
    assert np.argmax(spectrum) * SECOND / len(heard) == pytest.approx(440, abs=4)
    assert microphone.heard_ms == pytest.approx(1000, abs=50)


async def test_five_minutes_at_once_lose_nothing_and_more_is_refused() -> None:
    microphone = Microphone()
    ear = Ear(microphone)
    microphone.push(numbered(15_000))
    with pytest.raises(InvalidRequestError) as refusal:
        microphone.push(AudioFrame(bytes(2 * SECOND * int(MAX_WAITING - 299)), SECOND))
    microphone.end()
    await ear.listen()
    assert ear.numbers == list(range(1, 15_001))
    assert refusal.value.code == "input_audio_buffer_overflow"
    assert microphone.waiting == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("rate_hz", [0, -1, 10**6])
async def test_rates_that_no_device_has_are_refused(rate_hz: int) -> None:
    with pytest.raises(InvalidRequestError):
        Microphone().push(AudioFrame(b"", rate_hz))


async def test_no_more_is_handed_on_than_the_detector_can_hear() -> None:
    microphone = Microphone()
    ear = Ear(microphone)
    ear.is_deaf = True
    microphone.push(numbered(100))
    listening = asyncio.create_task(ear.listen())
    await settle()
    assert len(ear.numbers) == 6  # a tenth of a second, and the frame that filled it
    microphone.end()
    ear.is_deaf = False
    microphone.restarted()
    await listening
    assert ear.numbers == list(range(1, 101))


def test_frames_that_nobody_heard_are_not_waited_for() -> None:
    async def scene() -> float:
        microphone = Microphone()
        ear = Ear(microphone)
        ear.is_deaf = True
        microphone.push(numbered(10))
        microphone.end()
        await ear.listen()
        assert ear.numbers == list(range(1, 11))
        return asyncio.get_running_loop().time()

    assert virtual_time.run(scene()) == pytest.approx(STALLED)


def test_who_stops_sending_in_mid_word_is_silent() -> None:
    async def scene() -> None:
        microphone = Microphone()
        ear = Ear(microphone)
        ear.silence = 0.0
        microphone.push(numbered(5))
        listening = asyncio.create_task(ear.listen())
        await asyncio.sleep(STALLED * 1.5)
        assert ear.numbers == [1, 2, 3, 4, 5] + [0] * int(PADDING * 50)
        assert microphone.heard_ms == 100  # the silence is ours, and not on the clock
        listening.cancel()

    virtual_time.run(scene())


async def test_what_follows_a_commit_waits_for_it() -> None:
    microphone = Microphone()
    ear = Ear(microphone)
    microphone.push(numbered(3))
    mark = microphone.mark()
    microphone.push(numbered(2))
    microphone.end()
    listening = asyncio.create_task(ear.listen())
    await mark.reached.wait()
    await settle()
    padding = [0] * int(PADDING * 50)
    assert ear.numbers == [1, 2, 3, *padding]
    await microphone.caught_up()
    microphone.go_on_after(mark)
    await listening
    assert ear.numbers == [1, 2, 3, *padding, 1, 2]


async def test_clearing_spares_what_was_committed() -> None:
    microphone = Microphone()
    ear = Ear(microphone)
    microphone.push(numbered(3))
    mark = microphone.mark()
    microphone.go_on_after(mark)
    microphone.push(numbered(50))
    microphone.clear()
    microphone.push(numbered(1))
    microphone.end()
    await ear.listen()
    assert [one for one in ear.numbers if one] == [1, 2, 3, 1]
    assert microphone.heard_ms == 54 * 20  # the input clock counts what was dropped
    assert microphone.waiting == pytest.approx(0.0, abs=1e-6)


async def test_who_is_ahead_waits_for_the_verdict_on_a_silence() -> None:
    undecided = True
    microphone = Microphone(lambda silence: undecided and silence > 0.5)
    ear = Ear(microphone)
    microphone.push(numbered(100))
    listening = asyncio.create_task(ear.listen())
    ear.quiet_from = 20
    await settle()
    assert len(ear.numbers) == 20 + 26  # the first frame past half a second of silence
    undecided = False
    microphone.look_again()
    microphone.end()
    await listening
    assert ear.numbers == list(range(1, 101))


def test_a_verdict_that_never_comes_holds_nobody_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> float:
        microphone = Microphone(lambda silence: True)
        ear = Ear(microphone)
        microphone.push(numbered(100))
        microphone.end()
        await ear.listen()
        return asyncio.get_running_loop().time()

    assert virtual_time.run(scene()) == pytest.approx(module.MAX_HELD, abs=2 * STALLED)


async def test_real_time_is_never_held() -> None:
    microphone = Microphone(lambda silence: True)
    microphone.push(numbered(10))
    assert [number(await anext(microphone)) for _ in range(5)] == [1, 2, 3, 4, 5]
