"""Lines of livekit-server as records of ours, without what is nobody's business."""

from __future__ import annotations

import json
import logging
import re
from typing import Any

_TOKEN = re.compile(r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]*")
"""What JSON web tokens look like: their header begins with the same letters, always."""
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
    try:
        fields = json.loads(line)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        return logging.WARNING, without_tokens(line)
    level = _LEVELS.get(str(fields.get("level")), logging.WARNING)
    return level, without_tokens(_message(fields))


def without_tokens(text: str) -> str:
    return _TOKEN.sub("<token>", text)


def _message(fields: dict[str, Any]) -> str:
    told = [f"{name}={fields[name]}" for name in _TOLD if fields.get(name) not in (None, "")]
    return " ".join([str(fields.get("msg", "")), *told])
