"""Hands a request on to an engine service and its answer back, streaming both ways."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Literal

import aiohttp
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from sottovoce.config import EngineEndpoint, EngineKind
from sottovoce.conversation.failover import Choice, Failover
from sottovoce.errors import EngineError, EngineTimeout, EngineUnavailable
from sottovoce.gateway.engine_refusal import refusal
from sottovoce.gateway.model_names import ModelNames
from sottovoce.gateway.outgoing import Body, Form, Outgoing, Whole, whole_json
from sottovoce.gateway.places import Places, client_of
from sottovoce.gateway.request_body import ClientGoneError, RequestBody
from sottovoce.gateway.stalling import StallingSend
from sottovoce.http.engine_client import EngineClient
from sottovoce.http.request_id import REQUEST_ID, current_request_id

logger = logging.getLogger(__name__)

REQUEST_HEADERS = ("content-type", "content-length", "content-encoding", "accept")
"""What an engine may see of the client: neither its key and cookies nor where it came from."""

CONTENT_HEADERS = (b"content-type", b"content-length", b"content-encoding", b"content-disposition")
HINT_HEADERS = (b"retry-after-ms", b"x-should-retry", b"openai-", b"x-ratelimit-")
"""Beginnings of names: of an engine's answer, these reach the client."""

KEY_REFUSED = (401, 403)
"""Of ours: another engine has another one."""

CLIENT_PATIENCE = 60.0
"""Seconds a client may leave a piece of its answer unread: frees the engine of one that stopped reading."""


@dataclass(frozen=True, slots=True)
class EngineRoute:
    """One of OpenAI's calls as an engine answers it; `path` is the one under `/v1`, here and there.

    `patience` is the longest silence of the engine in seconds, `limit_bytes` the longest body. A "json" body
    is read whole before it goes on, a "form" goes on while it comes.
    """

    kind: EngineKind
    path: str
    body: Literal["json", "form", "none"]
    patience: float
    limit_bytes: int = 0
    setting: str = ""
    """The name of the one that `limit_bytes` comes from."""

    @property
    def method(self) -> str:
        return "GET" if self.body == "none" else "POST"


class Passthrough:
    """An ASGI endpoint; everything in flight ends within moments when the client goes away.

    `grace` is the time that a sender has, whatever it sends (see `RequestBody`).
    """

    def __init__(
        self,
        route: EngineRoute,
        client: EngineClient,
        failover: Failover,
        names: ModelNames,
        places: Places,
        *,
        grace: float,
        is_behind_proxy: bool,
    ) -> None:
        self._route = route
        self._client = client
        self._failover = failover
        self._names = names
        self._places = places
        self._grace = grace
        self._is_behind_proxy = is_behind_proxy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = RequestBody(receive, self._route.limit_bytes, self._grace, self._route.setting)
        body.refuse_announced(Headers(scope=scope).get("content-length"))
        place = self._places.take(client_of(scope, is_behind_proxy=self._is_behind_proxy))
        async with contextlib.AsyncExitStack() as held:
            await _until(body.read_ahead(), held.enter_async_context(place))
            if not body.is_gone:
                await _until(body.disconnected(), self._answer(scope, body, send))

    async def _answer(self, scope: Scope, body: RequestBody, send: Send) -> None:
        """By the first engine that can, and whose model it is."""
        headers = self._headers(scope)
        outgoing = await self._outgoing(body, headers)
        owners = await self._names.owners(self._route.kind, outgoing.model)
        answer = Answer(self._route.kind, send)
        for choice in self._failover.choices(self._route.kind, owners.__contains__):
            try:
                await self._ask(choice, scope, headers, outgoing, answer)
            except EngineError as error:
                if body.fault is not None:  # the engine broke off because the client's body did
                    raise body.fault from error
                choice.failed(
                    error.message, is_late=isinstance(error, EngineTimeout) and not answer.has_begun
                )
                if answer.has_begun:
                    # too late for a status: an answer without its last chunk tells the client that it was cut
                    logger.warning("the %s engine's answer was cut: %s", self._route.kind, error.message)
                elif choice.is_last or not outgoing.can_be_sent_again:
                    raise
                else:
                    logger.warning("%s gave no answer, the next engine is asked", choice.endpoint.model)
                    continue
            return

    async def _ask(
        self, choice: Choice, scope: Scope, headers: dict[str, str], outgoing: Outgoing, answer: Answer
    ) -> None:
        """Raises `EngineError`; what the request itself is to blame for is an answer."""
        endpoint, route = choice.endpoint, self._route
        query = scope["query_string"].decode("latin-1")
        path = f"{route.path}?{query}" if query else route.path
        named, content = await self._named(endpoint, headers, outgoing)
        # without a deadline that somebody set, nobody knows how long an engine may be silent
        first = endpoint.deadline if not choice.is_last and self._is_streamed(outgoing) else None
        try:
            async with (
                asyncio.timeout(first) as deadline,
                self._client.ask(
                    endpoint, route.method, path, patience=route.patience, headers=named, content=content
                ) as reply,
            ):
                has_successor = not choice.is_last and outgoing.can_be_sent_again
                beginning = await _beginning(reply, route.kind) if has_successor else b""
                deadline.reschedule(None)
                if reply.status < 500:
                    choice.succeeded()
                await answer.give(reply, scope, beginning)
        except TimeoutError as error:
            raise EngineTimeout(
                f"The {route.kind} engine did not answer in time.", engine=route.kind
            ) from error

    def _is_streamed(self, outgoing: Outgoing) -> bool:
        return outgoing.is_streamed or self._route.kind == "tts"

    def _headers(self, scope: Scope) -> dict[str, str]:
        given = Headers(scope=scope)
        headers = {name: given[name] for name in REQUEST_HEADERS if name in given}
        headers[REQUEST_ID] = current_request_id()
        return headers

    async def _outgoing(self, body: RequestBody, headers: dict[str, str]) -> Outgoing:
        if self._route.body == "form":
            form = Form(body.chunks())
            if len(self._failover.chain(self._route.kind)) > 1:
                await form.find_model(headers.get("content-type", ""))
            return form
        content = await body.read()
        return Whole(None) if self._route.body == "none" else whole_json(content)

    async def _named(
        self, endpoint: EngineEndpoint, headers: dict[str, str], outgoing: Outgoing
    ) -> tuple[dict[str, str], Body]:
        """Headers and body as this engine wants them, by its own name for the model."""
        body = outgoing.body()
        if body is None:
            return headers, None
        if isinstance(body, bytes):
            return await self._names.in_json(endpoint, headers, body)
        return await self._names.in_form(endpoint, headers, body)


async def _beginning(reply: aiohttp.ClientResponse, kind: EngineKind) -> bytes:
    """The first piece of an answer; raises `EngineError` where another engine might give a better one."""
    if reply.status >= 500 or reply.status in KEY_REFUSED or 300 <= reply.status < 400:
        raise EngineUnavailable(f"The {kind} engine answered with status {reply.status}.", engine=kind)
    return await reply.content.readany() if reply.status < 300 else b""


async def _until(left: Coroutine[Any, Any, None], work: Coroutine[Any, Any, None]) -> None:
    """Run `work` to its end, or until the client has `left`."""
    working, leaving = asyncio.create_task(work), asyncio.create_task(left)
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            with contextlib.suppress(ClientGoneError):
                working.result()
    finally:
        leaving.cancel()
        working.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


class Answer:
    """An engine's reply on its way to the client."""

    def __init__(self, kind: EngineKind, send: Send) -> None:
        self._kind = kind
        self._send = send
        self.has_begun = False

    async def give(self, reply: aiohttp.ClientResponse, scope: Scope, beginning: bytes = b"") -> None:
        """`beginning` has been read of it already.

        Raises `EngineError`, and `ClientGoneError` for a client that stops reading.
        """
        if reply.status >= 300:
            refused = await refusal(self._kind, reply)
            refused.raw_headers += _passed_back(reply, HINT_HEADERS)
            self.has_begun = True
            await refused(scope, _nothing, self._send)
            return
        headers = _passed_back(reply, CONTENT_HEADERS + HINT_HEADERS)
        self.has_begun = True
        try:
            async with StallingSend(self._send, CLIENT_PATIENCE) as send:
                await send({"type": "http.response.start", "status": reply.status, "headers": headers})
                if beginning:
                    await send({"type": "http.response.body", "body": beginning, "more_body": True})
                async for chunk in reply.content.iter_any():
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError as error:
            if isinstance(error, aiohttp.ClientError):
                raise  # the engine's
            raise ClientGoneError from None


def _passed_back(reply: aiohttp.ClientResponse, names: tuple[bytes, ...]) -> list[tuple[bytes, bytes]]:
    lowered = ((name.lower(), value) for name, value in reply.raw_headers)
    return [(name, value) for name, value in lowered if name.startswith(names)]


async def _nothing() -> Message:
    raise AssertionError("a refusal reads no request")
