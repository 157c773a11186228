"""What unit tests get besides: a short deadline, and an error where our code blocks the event loop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx
from hypothesis import settings

UNIT_TIMEOUT = 20
HERE = Path(__file__).parent

# how long one example takes says more about the machine than about the code
settings.register_profile("sottovoce", deadline=None)
settings.load_profile("sottovoce")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(UNIT_TIMEOUT))


@pytest.fixture(autouse=True)
def _nothing_blocks_the_loop() -> Iterator[None]:
    with blockbuster_ctx("sottovoce"):
        yield
