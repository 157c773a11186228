"""The settings of whoever follows deploy/.env.example."""

from __future__ import annotations

import secrets

from deploy.as_compose.__main__ import read_settings
from deploy.as_compose.project import DEPLOY

EXAMPLE = DEPLOY / ".env.example"
KEYS = ("SOTTOVOCE_API_KEY", "ENGINE_KEY", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET")


def good_settings() -> dict[str, str]:
    """Those of somebody who made keys, and wants no models fetched."""
    made = {name: secrets.token_hex(32) for name in KEYS}
    return read_settings(EXAMPLE.read_text()) | made | {"SOTTOVOCE_PROFILE": "embedded"}
