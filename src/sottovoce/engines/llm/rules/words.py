"""Utterances brought to one form: lower case, no punctuation, digits for numbers, common slips undone."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from sottovoce.skills.durations import spoken_numbers

MAX_CHARACTERS = 600
"""Of an utterance that is looked at; more is not one request to an assistant."""

CONTRACTIONS: Mapping[str, str] = {
    "what's": "what is", "whats": "what is", "where's": "where is", "who's": "who is", "when's": "when is",
    "how's": "how is", "it's": "it is", "that's": "that is", "there's": "there is", "i'm": "i am",
    "im": "i am",
    "i'd": "i would", "i've": "i have", "i'll": "i will", "you're": "you are", "don't": "do not",
    "dont": "do not", "didn't": "did not", "doesn't": "does not", "can't": "can not", "cannot": "can not",
    "won't": "will not", "let's": "let us", "isn't": "is not", "gimme": "give me", "wanna": "want to",
    "favourite": "favorite", "colour": "color", "todays": "today's", "grey": "gray", "alright": "all right",
}  # fmt: skip
PUNCTUATION = re.compile(r"(?<!\d)[.,:](?!\d)|(?<=\d)[.,:](?!\d)|(?<!\d)[,:](?=\d)|[!?;\"“”«»…¿¡\[\]{}_~`]")
SYMBOLS = (
    (re.compile(r"\s*%"), " percent"),
    (re.compile(r"\bp\.\s?m\b\.?"), "pm"),
    (re.compile(r"\ba\.\s?m\b\.?"), "am"),
)
UNITS_OF_TIME = "minutes?|seconds?|hours?|days?|weeks?|months?|years?"
SLIPS = (
    (re.compile(r"\bremind me (?:2|too|do)\b"), "remind me to"),
    (re.compile(r"\b(timer|alarm|reminder|countdown) (?:4|fore|or)\b"), r"\1 for"),
    (re.compile(rf"\b(for|in|four|4) (?:to|too) (?={UNITS_OF_TIME})"), "for 2 "),
    (re.compile(rf"\b(?:for|in) (?:for|fore) (?={UNITS_OF_TIME})"), "for 4 "),
    (re.compile(r"\bset (?:a|the|at) time (?=for|or)"), "set a timer "),
    (re.compile(r"\btimer or\b"), "timer for"),
    (re.compile(r"\b(are|thank|can|do|will|could) (?:ewe|yew|u)\b"), r"\1 you"),
    (re.compile(r"\bcan you (?:due|too|to|2|dew)$"), "can you do"),
    (re.compile(r"\b(count(?: up| down| from \d+)?) (?:2|too) (?=\d)"), r"\1 to "),
)
"""What recognisers write for the small words of commands."""

LEAD = re.compile(
    r"^(?:(?:hey|hi|hello|ok|okay|um|uh|er|hmm|so|well|oh|ah|now|then|and|please|yes|yeah"
    r"|all right|excuse me|"
    r"assistant|computer|sottovoce|sorry|actually|thanks|thank you|great|"
    r"(?:can|could|would|will) you(?: please)?(?: tell me)?|i (?:want|need|would like) you to|"
    r"i (?:want|would like) to know|do you know|tell me(?= (?:what|when|how|where|who)\b))\s+)+"
)
TAIL = re.compile(
    r"(?:\s+(?:please|thanks|thank you|for me|right now|will you|would you|assistant"
    r"|if you can|then|again))+$"
)


def normalize(text: str) -> str:
    """The one form that the rules read."""
    plain = unicodedata.normalize("NFKD", text[-MAX_CHARACTERS:].replace("’", "'"))
    plain = "".join(char for char in plain if not unicodedata.combining(char)).lower()
    for pattern, form in SYMBOLS:
        plain = pattern.sub(form, plain)
    plain = PUNCTUATION.sub(" ", plain)
    if not re.search(r"\d", plain):
        plain = re.sub(r"[()*/+=]| -|- ", " ", plain)
    words = " ".join(CONTRACTIONS.get(word, word) for word in plain.split())
    words = " ".join(spoken_numbers(words).split())
    for pattern, form in SLIPS:
        words = pattern.sub(form, words)
    return words


def strip_courtesy(words: str) -> str:
    """The request without its "hey, could you please" and "thank you"; never empty."""
    return TAIL.sub("", LEAD.sub("", words)) or words
