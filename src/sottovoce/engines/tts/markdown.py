"""Markdown to the words a reader would say."""

from __future__ import annotations

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

_PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"]).disable("code")
_MARKS = re.compile(r"[*_#`~>|\[<&\\]|^[ \t]*(?:[-+]|\d{1,9}[.)])[ \t]", re.MULTILINE)


def strip_markdown(text: str) -> str:
    """The text of a Markdown document; headings, list items and table rows come out as lines of their own."""
    if not _MARKS.search(text):
        return text
    return "\n".join(line for line in _lines(_PARSER.parse(text)) if line)


def _lines(tokens: list[Token]) -> Iterator[str]:
    text = ""
    for token in tokens:
        if token.type == "inline":
            text += "".join(_inlines(token.children or []))
        elif token.type == "fence":
            yield token.content.strip()
        elif token.type == "list_item_open" and token.info:
            text += f"{token.info}: "
        elif token.type in ("th_close", "td_close"):
            text += ", "
        elif token.type.endswith("_close"):
            yield text.strip().rstrip(",")
            text = ""
    yield text


def _inlines(tokens: list[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type in ("text", "code_inline", "text_special", "image"):
            yield token.content
        elif token.type in ("softbreak", "hardbreak"):
            yield "\n" if token.type == "hardbreak" else " "
