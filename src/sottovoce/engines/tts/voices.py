"""The voices of espeak-ng, and the names OpenAI's clients send for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sottovoce.engines.tts.base import Voice
from sottovoce.engines.tts.other_names import WishedVoice, wished_voice
from sottovoce.errors import InvalidRequestError

DEFAULT_VOICE = "marin"


@dataclass(frozen=True, slots=True)
class EspeakVoice:
    """What espeak-ng is set to: a voice file, a variant of it ("" for none), and a pitch of 0 to 100."""

    identifier: str
    variant: str
    language: str
    pitch: int = 50

    @property
    def name(self) -> str:
        return f"{self.identifier}+{self.variant}" if self.variant else self.identifier


_AMERICAN = ("gmw/en-US", "en-us")
_BRITISH = ("gmw/en-GB-x-rp", "en-gb-x-rp")


def _alias(home: tuple[str, str], variant: str, pitch: int = 50) -> EspeakVoice:
    return EspeakVoice(home[0], variant, home[1], pitch)


OPENAI_VOICES: Mapping[str, EspeakVoice] = {
    "alloy": _alias(_AMERICAN, "steph"),
    "ash": _alias(_AMERICAN, "Michael"),
    "ballad": _alias(_BRITISH, "Reed"),
    "cedar": _alias(_AMERICAN, "m7"),
    "coral": _alias(_AMERICAN, "f2"),
    "echo": _alias(_AMERICAN, "Andy"),
    "fable": _alias(_BRITISH, "f4"),
    "marin": _alias(_AMERICAN, "f3"),
    "nova": _alias(_AMERICAN, "linda"),
    "onyx": _alias(_AMERICAN, "Storm"),
    "sage": _alias(_AMERICAN, "Annie"),
    "shimmer": _alias(_AMERICAN, "Alicia"),
    "verse": _alias(_AMERICAN, "rob"),
}
"""Chosen for about equal loudness; their median pitch runs from 85 Hz (onyx) to 253 Hz (shimmer)."""

_VARIANTS = {"female": "f3", "male": "m3"}
_SHORT = {"en": "en-us", "fr": "fr-fr", "pt": "pt-br", "zh": "cmn", "no": "nb"}


@dataclass(frozen=True, slots=True)
class EspeakVoices:
    """Finds a voice by OpenAI's name, by a language ("de") or by language and variant ("de+f3"); one that is
    another engine's ("af_heart") by what its name says of it.

    espeak-ng reports success for a variant it does not have, therefore both halves have to stand in its own
    lists: `languages` maps a tag to (file, name), `variants` holds the names of the variants.
    """

    languages: Mapping[str, tuple[str, str]]
    variants: frozenset[str]
    listed: tuple[Voice, ...] = field(init=False)

    def __post_init__(self) -> None:
        aliases = [Voice(name, name.capitalize(), voice.language) for name, voice in OPENAI_VOICES.items()]
        native = [Voice(tag, name, tag) for tag, (_, name) in self.languages.items()]
        object.__setattr__(self, "listed", (*aliases, *native))

    def find(self, voice: str) -> EspeakVoice:
        """Raises `InvalidRequestError` with param "voice"."""
        if voice in OPENAI_VOICES:
            return OPENAI_VOICES[voice]
        language, plus, variant = voice.partition("+")
        tag = _SHORT.get(language.lower(), language.lower())
        if tag in self.languages and (not plus or variant in self.variants):
            return EspeakVoice(self.languages[tag][0], variant, tag)
        if tag not in self.languages and (wished := wished_voice(voice)) is not None:
            return self._alike(wished)
        raise InvalidRequestError(_unknown(voice), param="voice")

    def _alike(self, wished: WishedVoice) -> EspeakVoice:
        """For the voice of another engine: the same language, and a variant of the same gender."""
        tag = _SHORT.get(wished.language, wished.language)
        if tag not in self.languages:
            raise InvalidRequestError(_unknown(wished.language), param="voice")
        variant = _VARIANTS.get(wished.gender, "")
        return EspeakVoice(self.languages[tag][0], variant if variant in self.variants else "", tag)


def _unknown(voice: str) -> str:
    names = ", ".join(OPENAI_VOICES)
    return (
        f"There is no voice {voice[:64]!r}. Choose one of {names}, or a language such as 'de' or 'en-gb', "
        "optionally with a variant ('de+f3'); GET /v1/audio/voices lists them all."
    )
