"""sherpa-onnx's recogniser for Whisper, as far as our own code can see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from sottovoce.engines.stt.sherpa_offline.whisper import Samples, seconds


@dataclass
class Result:
    text: str = ""
    tokens: list[str] = field(default_factory=list)
    lang: str = "en"
    segment_texts: list[str] = field(default_factory=list)
    segment_timestamps: list[float] = field(default_factory=list)
    segment_durations: list[float] = field(default_factory=list)


@dataclass
class Decoding:
    """What one call was like."""

    duration: float
    language: str
    task: str
    has_times: bool


class FakeEngine:
    """`says` gives the words for what is decoded; as many tokens come out as Whisper has places for."""

    def __init__(self, says: Callable[[Samples], list[str]], lang: str = "en") -> None:
        self._says, self._lang = says, lang
        whisper = SimpleNamespace(language="", task="transcribe", enable_segment_timestamps=False)
        self.config: Any = SimpleNamespace(model_config=SimpleNamespace(whisper=whisper))
        self.recognizer = SimpleNamespace(set_config=self._set)
        self._current: Any = None
        self.decodings: list[Decoding] = []

    def _set(self, config: Any) -> None:
        self._current = SimpleNamespace(**vars(config.model_config.whisper))

    def create_stream(self) -> Any:
        stream = SimpleNamespace(samples=None, result=Result())
        stream.accept_waveform = lambda rate, samples: setattr(stream, "samples", samples)
        return stream

    def decode_stream(self, stream: Any) -> None:
        now, duration = self._current, seconds(stream.samples)
        self.decodings.append(Decoding(duration, now.language, now.task, now.enable_segment_timestamps))
        words = self._says(stream.samples)[: int(duration * 6)]
        stream.result = Result("".join(f" {word}" for word in words), words, now.language or self._lang)
