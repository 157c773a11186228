"""No client takes all the places of an engine."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from sottovoce.errors import LimitExceededError, ServerFullError
from sottovoce.gateway.auth import PRINCIPAL
from sottovoce.gateway.places import Places, client_of
from sottovoce.gateway.principal import Principal


def test_a_client_with_its_share_is_refused_and_others_are_not() -> None:
    places = Places(4, 0.75)
    with ExitStack() as held:
        for _ in range(3):
            held.enter_context(places.take("greedy"))
        with pytest.raises(LimitExceededError) as refused, places.take("greedy"):
            pass
        assert (refused.value.http_status, refused.value.code) == (429, "rate_limit_exceeded")
        with places.take("modest"):
            assert places.taken == 4
    assert places.taken == 0


def test_a_full_house_is_503_for_everybody() -> None:
    places = Places(2, 0.5)
    with places.take("one"), places.take("another"):
        with pytest.raises(ServerFullError) as refused, places.take("third"):
            pass
        assert (refused.value.http_status, refused.value.retry_after) == (503, 1.0)
    with places.take("third"):
        assert places.taken == 1


def test_a_place_comes_back_from_work_that_fails() -> None:
    places = Places(1, 0.1)  # one at least, however small the share
    for _ in range(3):
        with pytest.raises(RuntimeError), places.take("one"):
            raise RuntimeError
    assert places.taken == 0


def test_clients_differ_by_key_and_by_address() -> None:
    def scope(key: str, address: str) -> dict[str, object]:
        principal = Principal(key, "key", frozenset())
        return {"type": "http", "headers": [], "client": (address, 1), PRINCIPAL: principal}

    clients = [scope("a", "10.0.0.1"), scope("b", "10.0.0.1"), scope("a", "10.0.0.2")]
    assert len({client_of(client, is_behind_proxy=False) for client in clients}) == 3
