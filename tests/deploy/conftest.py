"""What a deployer has: the example's settings, and the same with keys of their own."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from deploy.as_compose.__main__ import read_settings
from deploy.as_compose.project import DEPLOY
from tests.deploy.charts import with_stand_in

EXAMPLE = DEPLOY / ".env.example"
KEYS = ("SOTTOVOCE_API_KEY", "ENGINE_KEY", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET")


@pytest.fixture
def example() -> dict[str, str]:
    """The settings of somebody who copied the example and changed nothing."""
    return read_settings(EXAMPLE.read_text())


def good_settings() -> dict[str, str]:
    """Those of somebody who made keys, and wants no models fetched."""
    made = {name: secrets.token_hex(32) for name in KEYS}
    return read_settings(EXAMPLE.read_text()) | made | {"SOTTOVOCE_PROFILE": "embedded"}


@pytest.fixture(scope="session")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_stand_in(tmp_path_factory.mktemp("chart") / "sottovoce")
