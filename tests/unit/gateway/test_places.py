"""No client takes all the places of an engine, and who finds none waits in line; in virtual time."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from sottovoce.errors import LimitExceededError, ServerFullError
from sottovoce.gateway.auth import PRINCIPAL
from sottovoce.gateway.limits import GatewayLimits
from sottovoce.gateway.places import WAITING_PER_PLACE, Places, client_of
from sottovoce.gateway.principal import Principal
from sottovoce.services.uploads.endpoint import MAX_UPLOADS
from tests.virtual_time import run

PATIENCE = 10.0


class Requests:
    """What becomes of requests that take a place and work for some seconds."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.begun: list[str] = []
        self.most = 0

    def start(self, client: str, name: str, seconds: float = 1.0) -> asyncio.Task[None]:
        return asyncio.create_task(self._work(client, name, seconds))

    async def _work(self, client: str, name: str, seconds: float) -> None:
        async with self.places.take(client):
            self.begun.append(name)
            self.most = max(self.most, self.places.taken)
            await asyncio.sleep(seconds)


def test_a_client_with_its_share_is_refused_in_the_end_and_others_are_not() -> None:
    async def main() -> float:
        places = Places(4, 0.75, PATIENCE)
        async with AsyncExitStack() as held:
            for _ in range(3):
                await held.enter_async_context(places.take("greedy"))
            with pytest.raises(LimitExceededError) as refused:
                await held.enter_async_context(places.take("greedy"))
            assert (refused.value.http_status, refused.value.code) == (429, "rate_limit_exceeded")
            async with places.take("modest"):
                assert places.taken == 4
        assert (places.taken, places.waiting) == (0, 0)
        return asyncio.get_running_loop().time()

    assert run(main()) == PATIENCE


def test_a_full_house_is_503_for_everybody_in_the_end() -> None:
    async def main() -> None:
        places = Places(2, 0.5, PATIENCE)
        async with places.take("one"), places.take("another"):
            with pytest.raises(ServerFullError) as refused:
                async with places.take("third"):
                    pass
            assert (refused.value.http_status, refused.value.retry_after) == (503, 1.0)
        async with places.take("third"):
            assert places.taken == 1

    run(main())


def test_requests_beyond_the_share_wait_and_are_served_in_turn() -> None:
    async def main() -> None:
        requests = Requests(Places(4, 0.75, PATIENCE))
        names = [str(number) for number in range(8)]
        await asyncio.gather(*[requests.start("greedy", name) for name in names])
        assert (requests.begun, requests.most) == (names, 3)
        assert asyncio.get_running_loop().time() == 3.0

    run(main())


def test_a_queue_of_one_client_is_not_before_another_client() -> None:
    async def main() -> None:
        requests = Requests(Places(2, 0.5, PATIENCE))
        greedy = [requests.start("greedy", f"greedy {number}") for number in range(4)]
        others = [requests.start(name, name) for name in ("second", "third")]
        await asyncio.gather(*greedy, *others)
        assert requests.begun[:4] == ["greedy 0", "second", "third", "greedy 1"]

    run(main())


def test_one_that_leaves_the_queue_takes_nothing() -> None:
    async def main() -> None:
        places = Places(1, 1.0, PATIENCE)
        requests = Requests(places)
        first, left, third = (requests.start(name, name) for name in ("first", "left", "third"))
        await asyncio.sleep(0.5)
        assert places.waiting == 2
        left.cancel()
        await asyncio.gather(left, return_exceptions=True)
        assert places.waiting == 1
        await asyncio.gather(first, third)
        assert (requests.begun, asyncio.get_running_loop().time()) == (["first", "third"], 2.0)

    run(main())


@pytest.mark.parametrize(
    ("clients", "error"), [(["one"], LimitExceededError), (["one", "two", "three"], ServerFullError)]
)
def test_a_queue_that_is_full_refuses_at_once(clients: list[str], error: type[LimitExceededError]) -> None:
    async def main() -> None:
        limit, share = (2, 0.5) if len(clients) == 1 else (3, 1.0)
        places = Places(limit, share, PATIENCE)
        requests = Requests(places)
        each = (1 + WAITING_PER_PLACE) * (limit if len(clients) > 1 else 1) // len(clients)
        tasks = [requests.start(client, client) for client in clients for _ in range(each)]
        await asyncio.sleep(0)
        with pytest.raises(error) as refused:
            async with places.take(clients[0]):
                pass
        assert type(refused.value) is error
        assert asyncio.get_running_loop().time() == 0.0
        await asyncio.gather(*tasks)

    run(main())


def test_a_place_comes_back_from_work_that_fails() -> None:
    async def main() -> None:
        places = Places(1, 0.1, PATIENCE)  # one at least, however small the share
        for _ in range(3):
            with pytest.raises(RuntimeError):
                async with places.take("one"):
                    raise RuntimeError
        assert places.taken == 0

    run(main())


def test_the_recogniser_is_given_no_more_files_than_it_takes() -> None:
    assert GatewayLimits().requests["stt"] <= MAX_UPLOADS


def test_clients_differ_by_key_and_by_address() -> None:
    def scope(key: str, address: str) -> dict[str, object]:
        principal = Principal(key, "key", frozenset())
        return {"type": "http", "headers": [], "client": (address, 1), PRINCIPAL: principal}

    clients = [scope("a", "10.0.0.1"), scope("b", "10.0.0.1"), scope("a", "10.0.0.2")]
    assert len({client_of(client, is_behind_proxy=False) for client in clients}) == 3
