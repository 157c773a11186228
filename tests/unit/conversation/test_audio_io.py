from __future__ import annotations

import numpy as np
import pytest

from sottovoce.audio.frame import AudioFrame
from sottovoce.conversation.audio_io import INPUT_FRAME_BYTES, MAX_WAITING_FRAMES, Microphone


async def test_frames_of_any_length_come_out_as_20_ms() -> None:
    microphone = Microphone()
    for size in (100, 1000, 900):
        microphone.push(AudioFrame(bytes(size), 16_000))
    frame = await anext(microphone)
    assert (frame.sample_rate, frame.num_channels, frame.samples_per_channel) == (16_000, 1, 320)
    assert microphone.heard_samples == 3 * 320


async def test_other_rates_are_resampled() -> None:
    microphone = Microphone()
    tone = (8000 * np.sin(2 * np.pi * 440 * np.arange(24_000) / 24_000)).astype(np.int16)
    for at in range(0, len(tone), 480):
        microphone.push(AudioFrame(tone[at : at + 480].tobytes(), 24_000))
    microphone.end()
    heard = np.concatenate([np.frombuffer(frame.data, np.int16) for frame in [f async for f in microphone]])
    assert len(heard) == pytest.approx(16_000, abs=800)
    spectrum = np.abs(np.fft.rfft(heard.astype(float)))
    assert np.argmax(spectrum) * 16_000 / len(heard) == pytest.approx(440, abs=4)


async def test_a_sender_that_runs_ahead_loses_its_oldest_audio() -> None:
    microphone = Microphone()
    for index in range(MAX_WAITING_FRAMES + 10):
        microphone.push(AudioFrame(np.full(320, index, np.int16).tobytes(), 16_000))
    assert np.frombuffer((await anext(microphone)).data, np.int16)[0] == 10
    assert INPUT_FRAME_BYTES == 640
