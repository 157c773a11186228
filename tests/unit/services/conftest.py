"""The machine of the supervisor's tests."""

from __future__ import annotations

import pytest

from tests.unit.services.fake_children import FakeClock, FakeSystem


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def system() -> FakeSystem:
    return FakeSystem()
