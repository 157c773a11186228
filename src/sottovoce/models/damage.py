"""Installed models whose files are found not to be what was downloaded."""

from __future__ import annotations

import asyncio

from sottovoce.models.entry import ModelEntry
from sottovoce.models.store import Manifest, Store
from sottovoce.models.verify import Damage, changed, in_words, verify


class _NotWantedError(Exception):
    """Nobody waits for the result any more."""


class Damages:
    """What was found, until the model is mended or removed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._found: dict[str, str] = {}
        self._examined: set[str] = set()

    def find(self, id: str) -> str | None:  # noqa: A002  what a model's name is called everywhere
        """What is wrong with the model, in words for people, with the cure."""
        return self._found.get(id)

    def note(self, id: str, what: str) -> None:  # noqa: A002
        self._found[id] = what

    def forget(self, id: str) -> None:  # noqa: A002
        """It was mended, or is gone."""
        self._found.pop(id, None)
        self._examined.discard(id)

    async def examine(self, id: str) -> bool:  # noqa: A002
        """Read the whole model, once: whether it is damaged. Raises OSError."""
        if id in self._examined:
            return id in self._found
        self._examined.add(id)
        manifest = await asyncio.to_thread(self._store.manifest, id)
        damages = () if manifest is None else await self._verified(manifest)
        if damages:
            self.note(id, f"{id} is damaged ({in_words(damages)}); download it again.")
        return bool(damages)

    async def _verified(self, manifest: Manifest) -> tuple[Damage, ...]:
        """Ends with its task: a server that stops does not wait for gigabytes to be read."""
        is_wanted = True

        def check(count: int) -> None:
            if not is_wanted:
                raise _NotWantedError

        try:
            return await asyncio.to_thread(verify, self._store, manifest, check)
        finally:
            is_wanted = False

    def revision_to_mend(self, entry: ModelEntry) -> str | None:
        """The revision that a damaged model was made from, so that its good files need not come again; None
        where the newest is wanted. Looks at the disk."""
        manifest = self._store.manifest(entry.id)
        if manifest is None or not (entry.id in self._found or changed(self._store, manifest)):
            return None
        return manifest.revision
