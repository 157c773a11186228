"""Identifiers spelt as OpenAI spells them: a kind, an underscore, and chance."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TypeAlias

MAX_ID_CHARACTERS = 512
"""Ids that clients choose are kept and sent back; this keeps one from weighing a megabyte."""

NewId: TypeAlias = Callable[[str], str]


def random_id(kind: str) -> str:
    """A fresh id of `kind`: "event", "item", "resp", "sess", "conv" or "call"."""
    return f"{kind}_{secrets.token_hex(12)}"
