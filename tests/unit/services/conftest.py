"""The machine of the supervisor's tests."""

from __future__ import annotations

import pytest

from tests.unit.processes.fakes import FakeClock
from tests.unit.services.fake_children import FakeSystem


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def system() -> FakeSystem:
    return FakeSystem()
