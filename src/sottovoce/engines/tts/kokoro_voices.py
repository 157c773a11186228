"""The speakers of Kokoro, and the names OpenAI's clients send for them.

A speaker's name begins with the letter of its language and f or m: "af_heart" is an American woman's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sottovoce.engines.tts.base import Voice
from sottovoce.engines.tts.other_names import GENDERS, KOKORO_LANGUAGES, wished_voice
from sottovoce.engines.tts.voices import OPENAI_VOICES
from sottovoce.errors import InvalidRequestError

VERSION_1_0 = (
    *("af_alloy", "af_aoede", "af_bella", "af_heart", "af_jessica", "af_kore", "af_nicole", "af_nova"),
    *("af_river", "af_sarah", "af_sky", "am_adam", "am_echo", "am_eric", "am_fenrir", "am_liam"),
    *("am_michael", "am_onyx", "am_puck", "am_santa", "bf_alice", "bf_emma", "bf_isabella", "bf_lily"),
    *("bm_daniel", "bm_fable", "bm_george", "bm_lewis", "ef_dora", "em_alex", "ff_siwis", "hf_alpha"),
    *("hf_beta", "hm_omega", "hm_psi", "if_sara", "im_nicola", "jf_alpha", "jf_gongitsune", "jf_nezumi"),
    *("jf_tebukuro", "jm_kumo", "pf_dora", "pm_alex", "pm_santa", "zf_xiaobei", "zf_xiaoni"),
    *("zf_xiaoxiao", "zf_xiaoyi", "zm_yunjian", "zm_yunxi", "zm_yunxia", "zm_yunyang"),
)
VERSION_0_19 = (
    *("af", "af_bella", "af_nicole", "af_sarah", "af_sky", "am_adam", "am_michael", "bf_emma"),
    *("bf_isabella", "bm_george", "bm_lewis"),
)
"""In the order of `voices.bin`, for archives whose model does not name them."""

ALIASES: Mapping[str, tuple[str, ...]] = {
    "alloy": ("af_alloy", "af_sarah"),
    "ash": ("am_michael",),
    "ballad": ("bm_george",),
    "cedar": ("am_fenrir", "am_adam"),
    "coral": ("af_bella",),
    "echo": ("am_echo", "am_adam"),
    "fable": ("bm_fable", "bm_lewis"),
    "marin": ("af_heart", "af"),
    "nova": ("af_nova", "af_nicole"),
    "onyx": ("am_onyx", "am_michael"),
    "sage": ("af_sarah",),
    "shimmer": ("af_sky",),
    "verse": ("am_puck", "am_michael"),
}
"""OpenAI's names: the first of these that the model has, else its first speaker of the same kind."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """`number` is its place in the model's `voices.bin`; `gender` is "" where the name does not say."""

    number: int
    name: str
    language: str
    gender: str = ""


def speakers(names: Sequence[str], count: int) -> tuple[Speaker, ...]:
    """`names` are what the model says of its `count` speakers; without them a known archive is recognised by
    the count, and the speakers of any other are numbered."""
    known = {len(VERSION_1_0): VERSION_1_0, len(VERSION_0_19): VERSION_0_19}
    chosen = tuple(names) or known.get(count) or tuple(f"speaker-{number}" for number in range(count))
    return tuple(_speaker(number, name) for number, name in enumerate(chosen))


def _speaker(number: int, name: str) -> Speaker:
    prefix = name.partition("_")[0]
    if len(prefix) == 2 and prefix[0] in KOKORO_LANGUAGES and prefix[1] in GENDERS:
        return Speaker(number, name, KOKORO_LANGUAGES[prefix[0]], GENDERS[prefix[1]])
    return Speaker(number, name, "en-us")


@dataclass(frozen=True, slots=True)
class KokoroVoices:
    """`can_say` tells which languages can be pronounced here; speakers of others are not listed."""

    speakers: tuple[Speaker, ...]
    can_say: Callable[[str], bool] = lambda _language: True
    listed: tuple[Voice, ...] = field(init=False)

    def __post_init__(self) -> None:
        own = [_voice(speaker.name, speaker) for speaker in self.speakers if self.can_say(speaker.language)]
        aliases = [_voice(name, self._alias(name)) for name in ALIASES]
        object.__setattr__(self, "listed", (*aliases, *own))

    def find(self, voice: str) -> Speaker:
        """By its own name, by OpenAI's, or by that of another engine's voice of the same language.

        Raises `InvalidRequestError` with param "voice".
        """
        for speaker in self.speakers:
            if speaker.name == voice:
                return self._sayable(speaker)
        if voice in ALIASES:
            return self._alias(voice)
        wished = wished_voice(voice)
        if wished is not None and (found := self._alike(wished.language, wished.gender)) is not None:
            return found
        raise InvalidRequestError(_unknown(voice), param="voice")

    def _alias(self, name: str) -> Speaker:
        for wanted in ALIASES[name]:
            for speaker in self.speakers:
                if speaker.name == wanted:
                    return speaker
        openai = wished_voice(name)
        return self._alike("en-us", openai.gender if openai else "") or self.speakers[0]

    def _alike(self, language: str, gender: str) -> Speaker | None:
        """The first speaker of `language`, else of its kin (en-gb for en-us), if possible of `gender`."""
        home = language.partition("-")[0]
        kin = [speaker for speaker in self.speakers if speaker.language.partition("-")[0] == home]
        spoken = [speaker for speaker in kin if self.can_say(speaker.language)]
        spoken.sort(key=lambda speaker: (speaker.language != language, speaker.gender != gender))
        return next(iter(spoken), None)

    def _sayable(self, speaker: Speaker) -> Speaker:
        if not self.can_say(speaker.language):
            raise InvalidRequestError(
                f"{speaker.name} speaks {speaker.language}, which cannot be pronounced here: install "
                "espeak-ng (the package espeakng-loader), or the model's lexicon.",
                param="voice",
            )
        return speaker


def _voice(name: str, speaker: Speaker) -> Voice:
    title = name.partition("_")[2].capitalize() or name.capitalize()
    return Voice(name, title, speaker.language, speaker.gender or None)


def _unknown(voice: str) -> str:
    names = ", ".join(OPENAI_VOICES)
    return (
        f"There is no voice {voice[:64]!r}. Choose one of {names}, or a speaker of this model such as "
        "'af_heart'; GET /v1/audio/voices lists them all."
    )
