"""What clients call languages, and what recognisers hear."""

from __future__ import annotations

import pytest

from sottovoce.errors import InvalidRequestError
from sottovoce.services.languages import check_language, heard_as, name_of

ENGLISH = ("en",)
LOCALES = ("en-us", "en-gb", "ja-jp", "zh")


@pytest.mark.parametrize(
    ("asked", "languages", "heard"),
    [
        ("en", ENGLISH, "en"),
        ("EN_gb", ENGLISH, "en"),
        (" English ", ENGLISH, "en"),
        ("", ENGLISH, "en"),
        ("de", ENGLISH, None),
        ("enx", ENGLISH, None),
        ("english-ish", ENGLISH, None),
        ("auto", ENGLISH, None),
        ("en", LOCALES, "en-us"),
        ("en-GB", LOCALES, "en-gb"),
        ("en-AU", LOCALES, "en-us"),
        ("japanese", LOCALES, "ja-jp"),
        ("zh-TW", LOCALES, "zh"),
        ("", LOCALES, ""),
        ("de", (), ""),
        ("nonesuch", (), None),
    ],
)
def test_a_language_is_heard_or_not(asked: str, languages: tuple[str, ...], heard: str | None) -> None:
    assert heard_as(asked, languages) == heard


@pytest.mark.parametrize(
    ("languages", "cure"),
    [
        (ENGLISH, "hears English."),
        (LOCALES, "hears English, Japanese, Chinese."),
        (tuple("de fr es it pt nl pl ru uk".split()), "hears 9 others, which the model's description lists."),
        ((), "give its ISO 639 code."),
    ],
)
def test_the_error_says_what_is_heard(languages: tuple[str, ...], cure: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"The language 'xx-{'y' * 13}' is not served") as caught:
        check_language("xx-" + "y" * 100, languages, "language")
    assert caught.value.message.endswith(cure)
    assert caught.value.param == "language"


def test_names_are_those_of_verbose_replies() -> None:
    assert [name_of(tag) for tag in ("en", "en-gb", "yue", "tlh")] == [
        "english",
        "english",
        "cantonese",
        "tlh",
    ]
