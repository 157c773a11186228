"""The recognisers that keep to one contract, each with a model that says what is known before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sottovoce.models.entry import ModelEntry
from sottovoce.models.installed import EMBEDDED, InstalledModel
from sottovoce.models.layout import recognise
from tests.made_models import icefall, offline, streaming, whisper
from tests.recordings import recording

SPOKEN = recording("dialogue-set-a-timer-for-ten-minutes-slt")
"""What is said to each of them."""


@dataclass(frozen=True)
class Recogniser:
    """`text` is what it makes of `SPOKEN`, unasked and in each of the `languages` that clients may name."""

    model: InstalledModel
    text: str
    languages: Mapping[str, str]
    named: str = "english"
    """The language of `text`, in verbose replies."""
    refused: str = "de"
    """A language that it does not hear."""
    has_interims: bool = True
    """Whether it tells words while they are said."""
    has_word_times: bool = True
    translation: str | None = None
    """What it says in English of the same."""
    settings: Mapping[str, str] = field(default_factory=dict)


def _pocketsphinx(folder: Path) -> Recogniser:
    text = "set a timer for ten minutes"
    return Recogniser(EMBEDDED["stt"], text, {"en": text, "English": text})


def _streaming(folder: Path) -> Recogniser:
    text = "Turn on the radio."
    streaming.build(folder, streaming.Script("Turn on the ra|di|o."))
    return Recogniser(_streaming_model(folder, "en"), text, {"en": text, "en-GB": text})


def _multilingual(folder: Path) -> Recogniser:
    phrases = {"auto": "who knows", "en-US": "good mor|ning", "de-DE": "guten Mor|gen", "ja-JP": "今|日は"}
    streaming.build(folder, streaming.Script(phrases=phrases))
    spoken = {"en-us": "good morning", "German": "guten Morgen", "ja": "今日は"}
    return Recogniser(
        _streaming_model(folder, "en-us", "de-de", "ja-jp"),
        "who knows",
        spoken,
        named="unknown",
        refused="fr",
    )


def _zipformer(folder: Path) -> Recogniser:
    text = "turn off the radio"
    icefall.build(folder, "turn off the ra|di|o")
    return Recogniser(_streaming_model(folder, "en", family="zipformer"), text, {"en": text})


def _streaming_model(folder: Path, *languages: str, family: str = "nemo-transducer") -> InstalledModel:
    entry = ModelEntry(
        id=folder.name,
        kind="stt",
        engine="sherpa-streaming",
        family=family,
        languages=languages,
    )
    return InstalledModel(entry=entry, path=folder)


def _whisper(folder: Path) -> Recogniser:
    phrases = {"en": "Turn on the radio.", "de": "Mach das Radio an.", "ja": "ラジオをつけて"}
    whisper.build(folder, phrases, translation="Switch the radio on.")
    return Recogniser(
        InstalledModel(entry=recognise(folder), path=folder),
        phrases["en"],
        {"en-GB": phrases["en"], "German": phrases["de"], "ja": phrases["ja"]},
        refused="fr",
        has_interims=False,
        has_word_times=False,
        translation="Switch the radio on.",
    )


def _parakeet(folder: Path) -> Recogniser:
    text = "Turn on the radio."
    offline.build(folder, "Turn on the ra|di|o.")
    entry = recognise(folder).model_copy(update={"languages": ("en", "de")})
    return Recogniser(
        InstalledModel(entry=entry, path=folder),
        text,
        {"en": text, "de": text},  # it finds the language by itself
        named="unknown",
        refused="ja",
        has_interims=False,
    )


RECOGNISERS: Mapping[str, Callable[[Path], Recogniser]] = {
    "pocketsphinx": _pocketsphinx,
    "streaming": _streaming,
    "multilingual": _multilingual,
    "zipformer": _zipformer,
    "whisper": _whisper,
    "parakeet": _parakeet,
}
"""By name, how to make one with its model in a folder of that name."""
