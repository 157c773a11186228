"""Whisper in sherpa-onnx: what has to be known to get all the words out of it, and only them.

It stops after six tokens for each second of audio (`offline-whisper-greedy-search-decoder.cc`): enough for
English, too few for a short word, for fast speech, and for scripts that take several tokens a letter. So
short segments are followed by silence, and what filled all its places is heard again with more of it, or in
two halves. A language that the model lacks ends the process; those it has stand in the encoder's properties.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sottovoce.engines.stt.base import SAMPLE_RATE_HZ
from sottovoce.engines.stt.sherpa_offline.files import ModelFiles
from sottovoce.engines.stt.sherpa_offline.wire import Heard, Loaded, Phrase, Task

TOKENS_PER_SECOND = 6
SILENCE = 1.5
"""Seconds that follow every segment: Whisper has learnt to end in silence. Of the engine's own padding, ten
seconds of no signal at all, little is left, for it costs as much as speech."""
SHORTEST, LONGEST = 3.0, 29.4
"""Seconds, silence included. Past 29.5 the engine drops what it is given."""
ENGINE_PADDING_FRAMES = 50
REPETITIVE = 2.4
"""Text that zlib makes so many times smaller is Whisper repeating itself, which more room would make longer;
the threshold is OpenAI's."""
SPACELESS = frozenset({"zh", "ja", "th", "lo", "my", "yue", "km", "bo"})
"""Languages written without spaces."""

Samples = NDArray[np.float32]


class Whisper:
    """A loaded model; one call at a time, since language and task are the recogniser's and not the call's."""

    def __init__(self, engine: Any, files: ModelFiles) -> None:
        self._engine = engine
        self._is_multilingual = files.properties["is_multilingual"].strip() == "1"
        codes = files.properties.get("all_language_codes", "").split(",") if self._is_multilingual else ["en"]
        self.languages = tuple(code.strip() for code in codes)

    @classmethod
    def load(cls, files: ModelFiles, threads: int, provider: str) -> Whisper:
        import sherpa_onnx

        engine = sherpa_onnx.OfflineRecognizer.from_whisper(
            encoder=files["encoder"],
            decoder=files["decoder"],
            tokens=files["tokens"],
            language="",
            num_threads=threads,
            provider=provider,
            tail_paddings=ENGINE_PADDING_FRAMES,
        )
        return cls(engine, files)

    @property
    def abilities(self) -> Loaded:
        return Loaded(languages=self.languages, can_translate=self._is_multilingual, heeds_language=True)

    def hear(self, samples: Samples, task: Task) -> Heard:
        self._set(task)
        heard = seconds(samples) + SILENCE
        found = self._decode(samples, heard)
        pieces = [(0.0, samples, found)]
        if _is_cut_short(found, heard):
            pieces = [
                (start, piece, self._decode(piece, 2 * seconds(piece) + SILENCE))
                for start, piece in _smaller(samples)
            ]
        told = [each for start, piece, part in pieces for each in phrases(part, start, seconds(piece))]
        language = found.lang or self.languages[0]
        if language in SPACELESS and not task.should_translate:
            told = [phrase.model_copy(update={"is_joined": True}) for phrase in told]
        return Heard(phrases=tuple(told), language=language)

    def _set(self, task: Task) -> None:
        """Takes effect with the next decoding. The language has been checked by whoever took it from a
        client; here it is checked because a wrong one ends the process."""
        whisper = self._engine.config.model_config.whisper
        whisper.language = task.language if task.language in self.languages else ""
        whisper.task = "translate" if task.should_translate and self._is_multilingual else "transcribe"
        whisper.enable_segment_timestamps = task.wants_phrases
        self._engine.recognizer.set_config(self._engine.config)

    def _decode(self, samples: Samples, duration: float) -> Any:
        """With silence after it to make up about `duration` seconds."""
        silence = np.zeros(max(0, _padded(duration) - len(samples)), np.float32)
        stream = self._engine.create_stream()
        stream.accept_waveform(SAMPLE_RATE_HZ, np.concatenate([samples, silence]))
        self._engine.decode_stream(stream)
        return stream.result


def seconds(samples: Samples) -> float:
    return len(samples) / SAMPLE_RATE_HZ


def _padded(duration: float) -> int:
    """Samples that are decoded for `duration` seconds."""
    return round(min(LONGEST, max(SHORTEST, duration)) * SAMPLE_RATE_HZ)


def _is_cut_short(found: Any, duration: float) -> bool:
    """Whether the words had no place, and not only because they repeat themselves."""
    places = int(_padded(duration) / SAMPLE_RATE_HZ * TOKENS_PER_SECOND)
    taken = len(found.tokens) + 2 * len(found.segment_texts)
    text = found.text.encode()
    return taken >= places - 1 and len(text) <= REPETITIVE * len(zlib.compress(text))


def _smaller(samples: Samples) -> list[tuple[float, Samples]]:
    """All of it where it may be followed by as much silence, else its halves, each with its start."""
    if 2 * seconds(samples) + SILENCE <= LONGEST:
        return [(0.0, samples)]
    middle = _quietest(samples)
    return [(0.0, samples[:middle]), (middle / SAMPLE_RATE_HZ, samples[middle:])]


def _quietest(samples: Samples) -> int:
    """Where to cut: the quietest tenth of a second in the middle half."""
    step = SAMPLE_RATE_HZ // 10
    first, last = len(samples) // 4, 3 * len(samples) // 4
    levels = {at: float(np.square(samples[at : at + step]).sum()) for at in range(first, last, step)}
    return min(levels, key=levels.__getitem__) + step // 2


def phrases(found: Any, start: float, duration: float) -> list[Phrase]:
    """Those that Whisper gave times to, if it did and they make up the text; else the text as one."""
    text = found.text.strip()
    if not text:
        return []
    texts, starts = found.segment_texts, found.segment_timestamps
    ends = [begin + lasts for begin, lasts in zip(starts, found.segment_durations, strict=False)]
    is_told = "".join(texts).strip() == text and len(texts) == len(starts) == len(ends)
    if not is_told or not _are_in_order(starts, ends, duration):
        return [Phrase(text=text, start=start, end=start + duration)]
    return [
        Phrase(text=each.strip(), start=start + begin, end=start + min(end, duration))
        for each, begin, end in zip(texts, starts, ends, strict=True)
        if each.strip()
    ]


def _are_in_order(starts: Sequence[float], ends: Sequence[float], duration: float) -> bool:
    times = [time for span in zip(starts, ends, strict=True) for time in span]
    return times == sorted(times) and all(
        start < min(end, duration) for start, end in zip(starts, ends, strict=True)
    )
