"""Voices repeat themselves, noise does not."""

import pytest

from sottovoce.engines.stt.voicing import Voicing
from tests.unit.engines.stt.sounds import noise, recording, scaled, silence


def voiced(pcm: bytes, step: int = 642) -> float:
    voicing = Voicing()
    for at in range(0, len(pcm), step):
        voicing.push(pcm[at : at + step])
    return voicing.voiced


@pytest.mark.parametrize(
    "name", ["dialogue-stop-slt", "command-cancel-my-timer-awb", "command-please-repeat-that-kal16"]
)
@pytest.mark.parametrize("gain", [0.05, 1.0])
def test_speech_has_a_voice_in_it(name: str, gain: float) -> None:
    assert voiced(scaled(recording(name), gain)) >= 0.16


@pytest.mark.parametrize("pcm", [noise(2.0), noise(2.0, 3000), silence(1.0), recording("noise")])
def test_noise_and_silence_have_none(pcm: bytes) -> None:
    assert voiced(pcm) == 0


def test_a_reset_begins_anew() -> None:
    voicing = Voicing()
    voicing.push(recording("dialogue-stop-slt"))
    voicing.reset()
    assert voicing.voiced == 0
