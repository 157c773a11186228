"""Downloads by the server that runs, followed from here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import cast

import httpx
from pydantic import BaseModel, ValidationError

from sottovoce.cli.desk import client_of
from sottovoce.cli.running import RunningServer
from sottovoce.errors import DownloadError
from sottovoce.models.desk_state import FileState, State
from sottovoce.models.download_errors import HubUnreachable
from sottovoce.models.download_job import Progress, Step

SILENCE = 60.0
"""Seconds without a word, after which the server counts as gone; it says something every 15."""

CANCEL_PATIENCE = 5.0
"""Seconds for the server to end a download."""

STEPS: dict[str | None, Step] = {step: step for step in ("asking", "fetching", "waiting", "checking", "done")}


class _Model(BaseModel):
    id: str
    state: State
    reason: str | None = None
    bytes: int = 0
    total_bytes: int = 0
    rate: float = 0.0
    step: str | None = None
    file: FileState | None = None

    @property
    def progress(self) -> Progress:
        """As the worker tells it."""
        told = Progress(
            step=STEPS.get(self.step, "asking"),
            bytes=self.bytes,
            total_bytes=self.total_bytes,
            rate=self.rate,
            note=self.reason or ("waiting for its turn" if self.step == "queued" else ""),
        )
        if self.file is None:
            return told
        at = self.file
        return told.model_copy(
            update={
                "file": at.name,
                "file_bytes": at.bytes,
                "file_total_bytes": at.total_bytes,
                "file_number": at.number,
                "file_count": at.count,
            }
        )


class _News(BaseModel):
    models: list[_Model]


class _Error(BaseModel):
    message: str
    code: str | None = None


class _ErrorReply(BaseModel):
    error: _Error


async def pull_running(
    server: RunningServer, ids: Sequence[str], show: Callable[[str, Progress], None], *, is_for_use: bool
) -> None:
    """Have the server fetch the models, and use them where that is asked for; returns when it has.

    When this is cancelled, so are the downloads. Raises `DownloadError` with the first failure's reason, when
    all have ended.
    """
    async with client_of(server) as client:
        try:
            await _ask(client, "models/pull", {"ids": list(ids), "use": is_for_use})
            failures = await _follow(client, set(ids), show, is_for_use=is_for_use)
        except asyncio.CancelledError:
            await asyncio.shield(_cancel(client, ids))
            raise
    if failures:
        raise DownloadError(" ".join(failures))


async def _follow(
    client: httpx.AsyncClient,
    waited_for: set[str],
    show: Callable[[str, Progress], None],
    *,
    is_for_use: bool,
) -> list[str]:
    """Until each has come to its end; the reasons of those that failed."""
    failures, loading = list[str](), set[str]()
    async with aclosing(_models(client)) as models:
        async for model in models:
            if model.id not in waited_for:
                continue
            failure = _failure(model, is_for_use=is_for_use, has_loaded=model.id in loading)
            if model.state == "downloading":
                show(model.id, model.progress)
            elif failure is not None:
                failures.append(f"{model.id}: {failure}")
                waited_for.discard(model.id)
            elif model.state in ("loading", "warming"):
                loading.add(model.id)
            elif model.state == "ready" or (model.state == "installed" and not is_for_use):
                show(model.id, Progress(step="done", bytes=model.bytes, total_bytes=model.total_bytes))
                waited_for.discard(model.id)
            if not waited_for:
                return failures
    raise HubUnreachable("The server has stopped. What has come is kept: start it again to go on.")


def _failure(model: _Model, *, is_for_use: bool, has_loaded: bool) -> str | None:
    """Why it will not come to what was asked for; None while it may."""
    if model.state == "failed":
        return model.reason or "it failed, and nobody knows why."
    if model.state == "absent":
        return "its download was cancelled. What has come is kept."
    if model.state == "installed" and is_for_use and has_loaded:
        return "it is here and not used: another model was chosen meanwhile."
    return None


async def _models(client: httpx.AsyncClient) -> AsyncGenerator[_Model]:
    """Each that is told of, again whenever it has changed."""
    try:
        async with client.stream("GET", "models/events", timeout=SILENCE) as reply:
            if not reply.is_success:
                raise _refusal(await reply.aread())
            async with aclosing(cast("AsyncGenerator[str]", reply.aiter_lines())) as lines:
                async for line in lines:
                    if line.startswith("data: "):
                        for model in _News.model_validate_json(line[6:]).models:
                            yield model
    except httpx.HTTPError as error:
        raise HubUnreachable(f"The server does not tell any more how it comes on: {error}") from error
    except ValidationError as error:
        raise DownloadError("The server tells in a form that is not known here.") from error


async def _ask(client: httpx.AsyncClient, path: str, body: object) -> None:
    try:
        reply = await client.post(path, json=body)
    except httpx.HTTPError as error:
        raise HubUnreachable(f"The server does not answer: {error}") from error
    if not reply.is_success:
        raise _refusal(reply.content)


def _refusal(body: bytes) -> DownloadError:
    try:
        error = _ErrorReply.model_validate_json(body).error
    except ValidationError:
        return DownloadError("The server refuses, and does not say why.")
    return DownloadError(error.message, code=error.code)


async def _cancel(client: httpx.AsyncClient, ids: Sequence[str]) -> None:
    """Those that have ended already need none of it."""
    try:
        async with asyncio.timeout(CANCEL_PATIENCE):
            for name in ids:
                await client.post("models/cancel", json={"id": name})
    except (httpx.HTTPError, TimeoutError):
        return
