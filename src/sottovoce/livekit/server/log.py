"""Lines of livekit-server as records of ours, without what is nobody's business."""

from __future__ import annotations

import json
import logging
import re
from typing import Any

_TOKEN = re.compile(
    r"(?<=invalid token: ).*?(?=, error: |$)|\be[w-z0-9_-][\w-]{8,}\.[\w-]+\.[\w-]*", re.DOTALL
)
"""What the server could not verify, which it repeats whole, and whatever else looks like a JSON web token:
its header is an object, whose brace gives the first letters."""
MAX_LINE_BYTES = 1 << 18
"""A line may hold whole session descriptions; what is told of it is short."""
MAX_TOLD_CHARACTERS = 1000
_CUT = re.compile(r'\{"level":"(\w+)".*?"msg":"([^"\\]*)"')
"""How a line of JSON begins whose end was cut off."""
_USUAL = frozenset({"error reading data channel", "error writing to websocket"})
"""What it warns of whenever somebody leaves."""
_REFUSED = "error handling request"
"""What it says of each request that it answers with an error. Below 500 the fault is the caller's, who may be
anybody, and as many times as they like."""
_TOLD = ("error", "room", "participant", "reason", "nodeIP", "port", "workerID", "jobID", "status")
"""Other fields repeat themselves, or hold what participants bring along."""
_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.DEBUG,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "panic": logging.CRITICAL,
    "fatal": logging.CRITICAL,
}
"""Its "info" tells each step of each participant, which is for whoever looks for a fault."""


def server_line(line: str) -> tuple[int, str]:
    """A level and a message. What is not JSON is the server's word before it ends: a fault."""
    fields = _fields(line)
    if fields is None:
        return logging.WARNING, without_tokens(line)[:MAX_TOLD_CHARACTERS]
    level = _LEVELS.get(str(fields.get("level")), logging.WARNING)
    if fields.get("msg") in _USUAL or _is_the_callers(fields):
        level = logging.DEBUG
    return level, without_tokens(_message(fields))[:MAX_TOLD_CHARACTERS]


def _is_the_callers(fields: dict[str, Any]) -> bool:
    status = fields.get("status")
    return fields.get("msg") == _REFUSED and isinstance(status, int) and 400 <= status < 500


def _fields(line: str) -> dict[str, Any] | None:
    try:
        fields = json.loads(line)
    except ValueError:
        cut = _CUT.match(line)
        return None if cut is None else {"level": cut[1], "msg": cut[2]}
    return fields if isinstance(fields, dict) else None


def without_tokens(text: str) -> str:
    return _TOKEN.sub("<token>", text)


def _message(fields: dict[str, Any]) -> str:
    told = [f"{name}={fields[name]}" for name in _TOLD if fields.get(name) not in (None, "")]
    return " ".join([str(fields.get("msg", "")), *told])
