"""Takes out what a model thinks before it answers, where llama.cpp did not."""

from __future__ import annotations

TAGS = {"<think>": "</think>", "<thinking>": "</thinking>", "<thought>": "</thought>"}
"""Opening and closing; known from Qwen, DeepSeek and others."""


class Thoughts:
    """Text in, in pieces that may split a tag; text out without the thoughts and blanks that it begins with.

    Tags further on are the answer's own: somebody may ask what they mean. With `is_open` the prompt ended
    with the opening tag, and thoughts come first.
    """

    def __init__(self, *, is_open: bool = False) -> None:
        self._held = ""
        self._closing: str | None = "</think>" if is_open else None
        self._is_beginning = True

    @property
    def are_open(self) -> bool:
        return self._closing is not None

    def push(self, text: str) -> str:
        """What of `text`, and of what was held back before it, is to be said."""
        if not self._is_beginning:
            return text
        self._held += text
        while True:
            if self._closing is not None:
                _, closing, rest = self._held.partition(self._closing)
                if not closing:
                    self._held = _end(self._held, self._closing)
                    return ""
                self._held, self._closing = rest.lstrip(), None
            tag = self._tag()
            if tag is None:
                break
            self._closing, self._held = TAGS.get(tag), self._held.lstrip()[len(tag) :]
        if self._may_become_tag():
            return ""
        self._is_beginning = False
        said, self._held = self._held.lstrip(), ""
        return said

    def flush(self) -> str:
        """What was held back and turned out to be no tag, when nothing more comes."""
        said = "" if self._closing is not None else self._held.lstrip()
        self._held = ""
        return said

    def _tag(self) -> str | None:
        """The one that what is held begins with; closing tags that nobody opened count as well."""
        begin = self._held.lstrip()
        return next((tag for tag in (*TAGS, *TAGS.values()) if begin.startswith(tag)), None)

    def _may_become_tag(self) -> bool:
        begin = self._held.lstrip()
        return not begin or any(tag.startswith(begin) for tag in (*TAGS, *TAGS.values()))


def _end(text: str, tag: str) -> str:
    """The end of `text` in which `tag` may have begun."""
    return text[-(len(tag) - 1) :]
