"""What speech engines compute on."""

from __future__ import annotations

import pytest

from sottovoce.engines import provider
from sottovoce.engines.provider import choose_provider
from sottovoce.errors import EngineError


def test_a_processor_is_always_there() -> None:
    assert choose_provider("cpu", "stt") == "cpu"
    assert choose_provider("auto", "stt") in ("cpu", "cuda")


def test_a_graphics_card_that_is_not_there_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider, "CUDA_LIBRARY", "nonesuch.so")
    with pytest.raises(EngineError, match=r"SOTTOVOCE_STT_PROVIDER=cuda: .*the one for the CPU"):
        choose_provider("cuda", "stt")
    monkeypatch.setattr(provider, "CUDA_LIBRARY", "libonnxruntime.so")
    monkeypatch.setattr(provider, "CUDA_DRIVER", "libnonesuch.so.1")
    with pytest.raises(EngineError, match=r"SOTTOVOCE_TTS_PROVIDER=cuda: .*no NVIDIA driver"):
        choose_provider("cuda", "tts")
    assert choose_provider("auto", "stt") == "cpu"
