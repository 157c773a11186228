"""The downloads that run or wait for their turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

from sottovoce.config import Settings
from sottovoce.models.download import Download, DownloadOptions
from sottovoce.models.download_errors import NotOnHub
from sottovoce.models.download_job import RESERVE_BYTES, Progress
from sottovoce.models.entry import ModelEntry

MAX_DOWNLOADS = 2
"""At a time: more share the same line, and each takes longer to be of use."""


@dataclass(slots=True, eq=False)
class Pull:
    """One download. `progress` is None while it waits for its turn; `is_for_use` once it is there."""

    entry: ModelEntry
    is_for_use: bool
    progress: Progress | None = None
    task: asyncio.Task[None] | None = None

    @property
    def lacking_bytes(self) -> int:
        """What it will still take of the disk."""
        if self.progress is None:
            return 0
        return max(0, self.progress.total_bytes - self.progress.bytes)


class Pulls:
    """One for each model at most; `announce` is called whenever one has got further."""

    def __init__(self, settings: Settings, fetch: Download, announce: Callable[[], None]) -> None:
        self.fetched_bytes = 0
        """Since the start, of all models."""
        self._settings, self._fetch, self._announce = settings, fetch, announce
        self._running: dict[str, Pull] = {}
        self._places = asyncio.Semaphore(MAX_DOWNLOADS)

    def find(self, id: str) -> Pull | None:  # noqa: A002  what a model's name is called everywhere
        return self._running.get(id)

    def add(self, entry: ModelEntry, *, is_for_use: bool) -> Pull:
        pull = self._running[entry.id] = Pull(entry, is_for_use)
        return pull

    def drop(self, pull: Pull) -> None:
        """It has ended, however it did. Idempotent."""
        if self._running.get(pull.entry.id) is pull:
            del self._running[pull.entry.id]
            self._announce()

    async def fetch(self, pull: Pull, revision_of: Callable[[ModelEntry], str | None]) -> None:
        """Wait for its turn, then fetch it at its `revision_of` (which may look at the disk; None for the
        newest), or at the newest where that is gone. Turns come in the order of asking.

        Raises `DownloadError`.
        """
        async with self._places:
            revision = await asyncio.to_thread(revision_of, pull.entry)
            try:
                await self._fetch_at(pull, revision)
            except NotOnHub:
                if revision is None:
                    raise
                await self._fetch_at(pull, None)

    async def _fetch_at(self, pull: Pull, revision: str | None) -> None:
        others = sum(each.lacking_bytes for each in self._running.values() if each is not pull)
        options = DownloadOptions(revision=revision, reserve_bytes=RESERVE_BYTES + others)
        async with aclosing(self._fetch(pull.entry, self._settings, options)) as told:
            async for progress in told:
                self._count(pull.progress, progress)
                pull.progress = progress
                self._announce()

    def _count(self, before: Progress | None, after: Progress) -> None:
        """What was here before the first word of a total did not come now."""
        if before is not None and before.total_bytes and after.bytes > before.bytes:
            self.fetched_bytes += after.bytes - before.bytes
