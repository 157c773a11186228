"""The languages that the embedded recogniser hears: English."""

from __future__ import annotations

from sottovoce.errors import InvalidRequestError

CODES = ("en",)
NAME = "english"
"""As OpenAI's verbose replies spell it."""
MAX_SHOWN_CHARACTERS = 16


def is_heard(language: str) -> bool:
    """Whether a tag such as en or en-GB, or a name, is English; nothing is no statement, and fine."""
    tag = language.strip().lower().replace("_", "-")
    return tag in ("", NAME) or tag.partition("-")[0] in CODES


def check_language(language: str, param: str) -> None:
    """Raises `InvalidRequestError`."""
    if not is_heard(language):
        raise InvalidRequestError(
            f"The language {language[:MAX_SHOWN_CHARACTERS]!r} is not served; this recogniser hears English.",
            param=param,
        )
