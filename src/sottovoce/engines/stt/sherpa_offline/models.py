"""The other families that sherpa-onnx hears whole segments with, and which one a model is of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from sottovoce.engines.stt.base import SAMPLE_RATE_HZ
from sottovoce.engines.stt.sherpa_offline.files import ModelFiles
from sottovoce.engines.stt.sherpa_offline.whisper import SPACELESS, Samples, Whisper, seconds
from sottovoce.engines.stt.sherpa_offline.wire import Heard, Loaded, Phrase, Task
from sottovoce.engines.stt.token_words import Tokens, words

NEMO, ANY = "nemo_transducer", "transducer"
FEATURE_BANDS = 80


class OfflineModel(Protocol):
    """A loaded model. It blocks; one call at a time."""

    @property
    def abilities(self) -> Loaded:
        """`languages` are empty where only the catalogue knows them."""

    def hear(self, samples: Samples, task: Task) -> Heard:
        """What was said in one segment, samples from -1 to 1. Raises `RuntimeError`."""


class Transducer:
    """Parakeet and its kin: tokens with times and probabilities, the language found by itself."""

    abilities = Loaded(has_word_times=True, has_probabilities=True)

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    @classmethod
    def load(cls, files: ModelFiles, threads: int, provider: str) -> Transducer:
        import sherpa_onnx

        engine = sherpa_onnx.OfflineRecognizer.from_transducer(
            encoder=files["encoder"],
            decoder=files["decoder"],
            joiner=files["joiner"],
            tokens=files["tokens"],
            num_threads=threads,
            provider=provider,
            feature_dim=FEATURE_BANDS,  # a NeMo model's own count of them goes before this
            model_type=NEMO if files.family == "nemo-transducer" else ANY,
        )
        return cls(engine)

    def hear(self, samples: Samples, task: Task) -> Heard:
        found = _decoded(self._engine, samples)
        tokens = Tokens(found.tokens, found.timestamps, found.ys_log_probs)
        return Heard(
            phrases=tuple(
                Phrase(
                    text=word.text,
                    start=word.start,
                    end=min(word.end, seconds(samples)),
                    probability=word.probability,
                    is_joined=word.is_joined,
                )
                for word in words(tokens)
            )
        )


class Texts:
    """Models of which only the text is used: Moonshine, and SenseVoice, which finds the language as well."""

    def __init__(self, engine: Any, abilities: Loaded) -> None:
        self._engine = engine
        self.abilities = abilities

    @classmethod
    def moonshine(cls, files: ModelFiles, threads: int, provider: str) -> Texts:
        import sherpa_onnx

        engine = sherpa_onnx.OfflineRecognizer.from_moonshine(
            preprocessor=files["preprocessor"],
            encoder=files["encoder"],
            uncached_decoder=files["uncached_decoder"],
            cached_decoder=files["cached_decoder"],
            tokens=files["tokens"],
            num_threads=threads,
            provider=provider,
        )
        return cls(engine, Loaded(heeds_language=True))  # each is made for one

    @classmethod
    def sense_voice(cls, files: ModelFiles, threads: int, provider: str) -> Texts:
        import sherpa_onnx

        engine = sherpa_onnx.OfflineRecognizer.from_sense_voice(
            model=files["model"],
            tokens=files["tokens"],
            num_threads=threads,
            provider=provider,
            use_itn=True,  # punctuation and figures
        )
        return cls(engine, Loaded(languages=("zh", "en", "ja", "ko", "yue")))

    def hear(self, samples: Samples, task: Task) -> Heard:
        found = _decoded(self._engine, samples)
        text, language = found.text.strip(), found.lang.strip("<|>")
        if not text:
            return Heard(language=language)
        is_joined = language in SPACELESS
        phrase = Phrase(text=text, start=0.0, end=seconds(samples), is_joined=is_joined)
        return Heard(phrases=(phrase,), language=language)


LOADERS: Mapping[str, Callable[[ModelFiles, int, str], OfflineModel]] = {
    "whisper": Whisper.load,
    "nemo-transducer": Transducer.load,
    "zipformer": Transducer.load,
    "moonshine": Texts.moonshine,
    "sense-voice": Texts.sense_voice,
}


def load(files: ModelFiles, threads: int, provider: str) -> OfflineModel:
    """Raises what the library raises; for some flaws it ends the process."""
    return LOADERS[files.family](files, threads, provider)


def _decoded(engine: Any, samples: Samples) -> Any:
    stream = engine.create_stream()
    stream.accept_waveform(SAMPLE_RATE_HZ, samples)
    engine.decode_stream(stream)
    return stream.result
