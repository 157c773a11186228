"""The gateway that callers call; tests that need another one have a fixture of that name themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sottovoce.gateway.limits import GatewayLimits
from tests.contract.gateway_server import Gateway, running


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path, GatewayLimits(call_deadline=5.0), max_sessions=2) as served:
        yield served
