"""What a deployer begins with."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.as_compose.__main__ import read_settings
from tests.deploy.charts import with_stand_in
from tests.deploy.example import EXAMPLE


@pytest.fixture
def example() -> dict[str, str]:
    """The settings of somebody who copied the example and changed nothing."""
    return read_settings(EXAMPLE.read_text())


@pytest.fixture(scope="session")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_stand_in(tmp_path_factory.mktemp("chart") / "sottovoce")
