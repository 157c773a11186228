"""The environment of a worker: nothing in it leads livekit's libraries anywhere but to the LiveKit server.

They read it when they are imported and whenever they like, so this comes first.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Final

OWN: Final = {
    # what asks for LiveKit's inference service asks nobody; no part of ours does
    "LIVEKIT_INFERENCE_URL": "http://127.0.0.1:9",
    # 250 MB of models for turns and voices that no conversation of ours uses
    "LIVEKIT_AGENTS_PRELOAD_LOCAL_INFERENCE": "0",
}

_PREFIX = "LIVEKIT_"
"""Tokens, names, hosts and modes of LiveKit's cloud, which win over what a program says; the settings have
been read before."""
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
"""What is said goes where the settings say and nowhere else, as everywhere here."""
_EMPTIED = ("PROMETHEUS_MULTIPROC_DIR",)
"""An AgentServer deletes every file in that folder."""


def isolate(environment: MutableMapping[str, str]) -> None:
    """Take away what is not ours to follow, and put in what keeps the libraries at home."""
    for name in list(environment):
        if name.startswith(_PREFIX) or name.upper() in (*_PROXIES, *_EMPTIED):
            del environment[name]
    environment.update(OWN)
