"""The gateway over TLS: stock clients that trust its certificate, and peers that never finish a handshake."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import openai
import pytest
from starlette.responses import PlainTextResponse

from sottovoce.config import Settings
from sottovoce.gateway.tls import ServerTls
from tests.contract.gateway_server import BEARER, KEY, Gateway, running
from tests.serving import served

REALTIME = "/v1/realtime"


@pytest.fixture
def tls(tmp_path: Path) -> ServerTls:
    return ServerTls(Settings(home=tmp_path / "home", tls=True))


@pytest.fixture
def trusted(tls: ServerTls) -> ssl.SSLContext:
    """As on another machine, to which the certificate was copied: names are checked too."""
    return ssl.create_default_context(cafile=str(tls.certificate_file))


@pytest.fixture
async def gateway(tmp_path: Path, tls: ServerTls, trusted: ssl.SSLContext) -> AsyncIterator[Gateway]:
    async with running(tmp_path, tls=tls.context, trusted=trusted) as served_gateway:
        yield served_gateway


async def test_the_page_s_cookie_is_kept_to_tls(gateway: Gateway) -> None:
    page = await gateway.client.get("/")
    assert "Secure" in page.headers["set-cookie"]
    assert "strict-transport-security" not in page.headers  # a self-signed certificate would lock people out
    assert page.http_version == "HTTP/1.1"
    own = {"origin": gateway.url}
    assert (await gateway.client.get("/api/status", headers=own)).status_code == 200


async def test_openais_client_speaks_rest_and_realtime(gateway: Gateway, trusted: ssl.SSLContext) -> None:
    http = httpx.AsyncClient(verify=trusted, trust_env=False)
    async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, http_client=http) as client:
        assert [model.id async for model in await client.models.list()]
        options = {"ssl": trusted, "proxy": None}
        async with client.realtime.connect(model="any", websocket_connection_options=options) as connection:  # type: ignore[arg-type]
            event = await connection.recv()
            assert event.type == "session.created"


async def test_who_does_not_trust_it_is_not_served(gateway: Gateway) -> None:
    async with httpx.AsyncClient(trust_env=False) as stranger:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await stranger.get(f"{gateway.url}/livez")


async def test_plain_http_is_answered_by_hanging_up(gateway: Gateway) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=5) as plain:
        with pytest.raises(httpx.TransportError) as refused:
            await plain.get(f"http://{gateway.host}/livez")
    assert not isinstance(refused.value, httpx.TimeoutException)
    assert (await gateway.client.get("/livez")).status_code == 200


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
async def test_old_versions_are_refused(gateway: Gateway, version: ssl.TLSVersion) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1 is deprecated|TLSv1_1 is deprecated"):
        old.minimum_version = old.maximum_version = version
    host, port = gateway.host.split(":")
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        await asyncio.open_connection(host, int(port), ssl=old)


async def test_handshakes_that_never_end_do_not_pile_up(tls: ServerTls, trusted: ssl.SSLContext) -> None:
    async with served(PlainTextResponse("here"), tls=tls.context, tls_handshake_timeout=0.3) as url:
        address = ("127.0.0.1", int(url.rpartition(":")[2]))
        silent = [socket.create_connection(address) for _ in range(50)]
        silent[0].sendall(bytes.fromhex("16030100c4010000c00303"))  # the beginning of a hello
        async with httpx.AsyncClient(verify=trusted, trust_env=False) as client:
            assert (await client.get(url)).text == "here"  # nobody waits behind them
        for peer in silent:
            peer.settimeout(5)
            assert await asyncio.to_thread(peer.recv, 1) == b""  # hung up on
            peer.close()


async def test_a_peer_that_does_not_say_goodbye_does_not_hold_up_the_end(
    tls: ServerTls, trusted: ssl.SSLContext
) -> None:
    async with asyncio.timeout(5):
        async with served(PlainTextResponse("here"), tls=tls.context, graceful_timeout=1) as url:
            port = int(url.rpartition(":")[2])
            peer = await asyncio.to_thread(_connected, port, trusted)
    with peer:
        assert await asyncio.to_thread(peer.recv, 1) == b""  # it was said goodbye to


def _connected(port: int, context: ssl.SSLContext) -> ssl.SSLSocket:
    """A client that agrees on TLS and falls silent."""
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="127.0.0.1")


async def test_keys_are_wanted_over_tls_as_well(gateway: Gateway) -> None:
    assert (await gateway.client.get("/v1/models")).status_code == 401
    assert (await gateway.client.get("/v1/models", headers=BEARER)).status_code == 200
