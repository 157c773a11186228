"""The fields of a form put together: OpenAI's clients spell lists and objects with brackets."""

from __future__ import annotations

import re
from collections.abc import Set
from typing import Any

from starlette.datastructures import FormData

from sottovoce.errors import InvalidRequestError

SPELLING = re.compile(r"(?P<name>[^\[\]]+)(?:\[(?P<key>[^\[\]]*)\])?")
"""`include`, `include[]` or `chunking_strategy[type]`."""
MAX_SHOWN_CHARACTERS = 64
"""Of a name that a client sent, in the error about it."""


def gathered(form: FormData, lists: Set[str], optional: Set[str]) -> dict[str, Any]:
    """Values by name. A field of `lists` may be repeated without brackets, too; one of `optional` that is
    empty was not given.

    Raises `InvalidRequestError` for what was given twice.
    """
    tree: dict[str, Any] = {}
    for spelling, value in form.multi_items():
        name, key = _name(spelling)
        if value != "" or name not in optional:
            _place(tree, name, "" if name in lists and key is None else key, value)
    return tree


def _name(spelling: str) -> tuple[str, str | None]:
    match = SPELLING.fullmatch(spelling)
    return (match["name"], match["key"]) if match else (spelling, None)


def _place(tree: dict[str, Any], name: str, key: str | None, value: object) -> None:
    """`key` is None for a field of its own, "" for one of a list, and else a key of an object."""
    if key == "":
        several = tree.setdefault(name, [])
        if isinstance(several, list):
            several.append(value)
            return
    else:
        branch = tree if key is None else tree.setdefault(name, {})
        leaf = name if key is None else key
        if isinstance(branch, dict) and leaf not in branch:
            branch[leaf] = value
            return
    shown = name[:MAX_SHOWN_CHARACTERS]
    raise InvalidRequestError(f"{shown} was given more than once.", param=shown)
