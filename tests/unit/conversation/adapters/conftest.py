"""The two engines of each kind in the `chain` that a test file makes."""

from __future__ import annotations

import pytest

from tests.fake_engines import FakeChain, FakeEngines


@pytest.fixture
def good(chain: FakeChain) -> FakeEngines:
    return chain.members[0]


@pytest.fixture
def spare(chain: FakeChain) -> FakeEngines:
    return chain.members[1]
