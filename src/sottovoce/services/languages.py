"""Which of a recogniser's languages a client means, and what OpenAI's API calls them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sottovoce.errors import InvalidRequestError

MAX_SHOWN_CHARACTERS = 16
MAX_LISTED = 8
"""Names in an error; a model with more languages lists them in its description."""


def heard_as(language: str, languages: Sequence[str]) -> str | None:
    """The tag of `languages` that a tag such as en or en-GB, or a name, asks for; None where it is not heard.

    Where nothing is asked for it is the only one, or "" for any. "" too where nobody knows what the
    recogniser hears, and the language exists. A region that it does not tell apart is passed over, and one
    that was left out is the first it has.
    """
    tag = language.strip().lower().replace("_", "-")
    tag = CODES.get(tag, tag)
    base = tag.partition("-")[0]
    if not tag:
        return languages[0] if len(languages) == 1 else ""
    if not languages and base in NAMES:
        return ""
    regional = (known for known in languages if known.partition("-")[0] == base)
    return next((known for known in (tag, base) if known in languages), None) or next(regional, None)


def check_language(language: str, languages: Sequence[str], param: str) -> str:
    """`heard_as`, where it is. Raises `InvalidRequestError`."""
    heard = heard_as(language, languages)
    if heard is None:
        raise InvalidRequestError(
            f"The language {language[:MAX_SHOWN_CHARACTERS]!r} is not served; {_what_is_heard(languages)}.",
            param=param,
        )
    return heard


def _what_is_heard(languages: Sequence[str]) -> str:
    names = list(dict.fromkeys(name_of(tag).title() for tag in languages))
    if not names:
        return "give its ISO 639 code"
    if len(names) > MAX_LISTED:
        return f"this recogniser hears {len(names)} others, which the model's description lists"
    return f"this recogniser hears {', '.join(names)}"


def name_of(tag: str) -> str:
    """As OpenAI's verbose replies spell it, such as english; the tag itself where it has no name here."""
    return NAMES.get(tag.partition("-")[0], tag)


NAMES: Mapping[str, str] = {
    **{"af": "afrikaans", "am": "amharic", "ar": "arabic", "as": "assamese", "az": "azerbaijani"},
    **{"ba": "bashkir", "be": "belarusian", "bg": "bulgarian", "bn": "bengali", "bo": "tibetan"},
    **{"br": "breton", "bs": "bosnian", "ca": "catalan", "cs": "czech", "cy": "welsh", "da": "danish"},
    **{"de": "german", "el": "greek", "en": "english", "es": "spanish", "et": "estonian", "eu": "basque"},
    **{"fa": "persian", "fi": "finnish", "fo": "faroese", "fr": "french", "gl": "galician"},
    **{"gu": "gujarati", "ha": "hausa", "haw": "hawaiian", "he": "hebrew", "hi": "hindi", "hr": "croatian"},
    **{"ht": "haitian creole", "hu": "hungarian", "hy": "armenian", "id": "indonesian"},
    **{"is": "icelandic", "it": "italian", "ja": "japanese", "jw": "javanese", "ka": "georgian"},
    **{"kk": "kazakh", "km": "khmer", "kn": "kannada", "ko": "korean", "la": "latin"},
    **{"lb": "luxembourgish", "ln": "lingala", "lo": "lao", "lt": "lithuanian", "lv": "latvian"},
    **{"mg": "malagasy", "mi": "maori", "mk": "macedonian", "ml": "malayalam", "mn": "mongolian"},
    **{"mr": "marathi", "ms": "malay", "mt": "maltese", "my": "myanmar", "nb": "norwegian", "ne": "nepali"},
    **{"nl": "dutch", "nn": "nynorsk", "no": "norwegian", "oc": "occitan", "pa": "punjabi", "pl": "polish"},
    **{"ps": "pashto", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sa": "sanskrit"},
    **{"sd": "sindhi", "si": "sinhala", "sk": "slovak", "sl": "slovenian", "sn": "shona", "so": "somali"},
    **{"sq": "albanian", "sr": "serbian", "su": "sundanese", "sv": "swedish", "sw": "swahili"},
    **{"ta": "tamil", "te": "telugu", "tg": "tajik", "th": "thai", "tk": "turkmen", "tl": "tagalog"},
    **{"tr": "turkish", "tt": "tatar", "uk": "ukrainian", "ur": "urdu", "uz": "uzbek", "vi": "vietnamese"},
    **{"yi": "yiddish", "yo": "yoruba", "yue": "cantonese", "zh": "chinese"},
}
"""By ISO 639 code, with Whisper's own exceptions."""
CODES: Mapping[str, str] = {name: code for code, name in reversed(list(NAMES.items()))}
