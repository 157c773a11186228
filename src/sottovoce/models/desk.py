"""Where models are fetched, chosen and removed while the server runs, and where all is told about them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Coroutine, Iterable
from contextlib import aclosing
from types import TracebackType

from sottovoce.config import EngineKind, Settings
from sottovoce.errors import InvalidRequestError, NotFoundError, SottovoceError
from sottovoce.models.damage import Damages
from sottovoce.models.desk_state import ModelState, Shelf, read_shelf, state_of
from sottovoce.models.download import Download, download
from sottovoce.models.engine_room import EngineModel, EngineRoom
from sottovoce.models.entry import ModelEntry
from sottovoce.models.hub import Hub, Reach
from sottovoce.models.installed import InstalledModel
from sottovoce.models.offer import Offer, fitting_set, free_bytes, is_first_run
from sottovoce.models.preference import SUPERSEDED, ModelBusy, Preference
from sottovoce.models.pulls import Pull, Pulls
from sottovoce.models.resolve import ModelDamaged
from sottovoce.models.store import Store
from sottovoce.models.unfinished import sole

logger = logging.getLogger(__name__)


class ModelDesk:
    """The models of `settings`, run in `room`; use it as an async context.

    Downloads go on whoever watches. Leaving the context ends them; what has come is kept, and a later pull
    goes on with it. Nothing is fetched unasked.
    """

    def __init__(
        self, settings: Settings, room: EngineRoom, *, fetch: Download = download, reach: Reach | None = None
    ) -> None:
        self.settings = settings
        self.hub = Hub.of(settings)
        self.store = Store(settings.home)
        self._room = room
        self._reach = reach or Reach(self.hub)
        self._shelf = Shelf()
        self._pulls = Pulls(settings, fetch, self._announce)
        self._damages = Damages(self.store)
        self._failures: dict[str, str] = {}
        self._preference = Preference(settings, room)
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._looking = asyncio.Lock()
        """So that what was seen last is what was looked at last."""
        self._is_closed = False

    async def __aenter__(self) -> ModelDesk:
        await self.refresh()
        self._begin(self._watch_room(), "watch the engines' models")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End downloads and listeners. Returns when the workers are gone."""
        self.end_news()
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def end_news(self) -> None:
        """Let all that listen to `changes` come to their end. Idempotent."""
        self._is_closed = True
        self._announce()

    @property
    def fetched_bytes(self) -> int:
        """Downloaded since the start, of all models."""
        return self._pulls.fetched_bytes

    def states(self) -> tuple[ModelState, ...]:
        """Every model that can be had or is here, by kind. From memory; `refresh` looks at the disk."""
        engines = {each.model: each for each in reversed(self._room.states()) if not each.is_external}
        used = {each.kind: each.model for each in reversed(self._room.states()) if each.state == "ready"}
        return tuple(
            self._state(entry, engines.get(entry.id), in_use=used.get(entry.kind) == entry.id)
            for entry in self._shelf.entries
        )

    def chains(self) -> tuple[EngineModel, ...]:
        """The engines' own view, engines of others included."""
        return tuple(self._room.states())

    def state(self, id: str) -> ModelState:  # noqa: A002  what a model's name is called everywhere
        """Raises `NotFoundError`."""
        for state in self.states():
            if state.entry.id == id:
                return state
        raise _no_such_model(id)

    async def changes(self) -> AsyncGenerator[tuple[ModelState, ...]]:
        """All states now, and again after each change until the desk closes; a slow reader skips to the
        newest."""
        while not self._is_closed:
            changed = self._changed
            yield self.states()
            await changed.wait()

    async def refresh(self) -> None:
        """Look at the disk again: other processes may have changed it. Raises `ConfigError`."""
        async with self._looking:
            self._shelf = await asyncio.to_thread(read_shelf, self.settings, self._preference.used)
        self._announce()

    async def pull(self, id: str, *, use: bool = False) -> None:  # noqa: A002
        """Begin to download the model, or to mend it; `use` it when it is there. Again: nothing new.

        Raises `NotFoundError`, `InvalidRequestError` for a model that comes from nowhere, `HubOffline`.
        """
        entry = self._known(id)
        self._check_pull(entry, use=use)
        if (running := self._pulls.find(id)) is not None:
            running.is_for_use |= use
            return
        self._failures.pop(id, None)
        pull = self._pulls.add(entry, is_for_use=use)
        pull.task = self._begin(self._perform(pull), f"download {id}")
        pull.task.add_done_callback(lambda _: self._pulls.drop(pull))
        self._announce()

    async def pull_set(self, ids: Iterable[str], *, use: bool = False) -> None:
        """All of them, the smallest first, so that something new is there soon. Checks all before any."""
        entries = {id: self._known(id) for id in ids}  # noqa: A001
        whole = {id for id in entries if id in self._shelf.sizes and self._damages.find(id) is None}  # noqa: A001
        here = whole if use else set()
        for entry in entries.values():
            if entry.id in here:
                self._preference.check_open(entry.kind)
            else:
                self._check_pull(entry, use=use)
        for entry in sorted(entries.values(), key=lambda entry: (entry.download, entry.id)):
            if entry.id in here:
                await self.begin_use(entry.kind, entry.id)
            else:
                await self.pull(entry.id, use=use)

    async def cancel(self, id: str) -> None:  # noqa: A002
        """End its download; what has come stays. Raises `ModelBusy` where there is none."""
        pull = self._pulls.find(id)
        if pull is None or pull.task is None:
            raise ModelBusy(f"{id[:100]} is not being downloaded.", param="id", code="not_downloading")
        pull.task.cancel()
        await asyncio.wait({pull.task})
        await self.refresh()

    async def use(self, kind: EngineKind, reference: str) -> None:
        """Load the model, put it first, and remember the choice. Returns when it is in use.

        Raises what `resolve` raises, `ModelBusy` where settings leave no choice, and `EngineError` where it
        cannot be loaded; then nothing has changed.
        """
        await self._swap(kind, await self._resolved(kind, reference))

    async def begin_use(self, kind: EngineKind, reference: str) -> None:
        """The same, but returns as soon as the loading has begun: how that ends is in the model's state."""
        model = await self._resolved(kind, reference)
        swap = self._begin(self._swap(kind, model), f"use {model.id}")
        begun = asyncio.create_task(self._seen_coming(model.id))
        try:
            await asyncio.wait({swap, begun}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            begun.cancel()
        if swap.done():
            swap.result()

    async def remove(self, id: str, *, is_forced: bool = False) -> int:  # noqa: A002
        """Delete the model, or what has come of it; the bytes that this frees.

        Raises `NotFoundError`, and `ModelBusy` while it is downloaded, or an engine has it; `is_forced`
        removes it all the same, and the next of its chain takes over.
        """
        if self._pulls.find(id) is not None:
            raise ModelBusy(f"{id} is being downloaded; cancel that first.", param="id")
        entry = self._known(id)
        is_loaded = any(each.model == id and each.state != "failed" for each in self._room.states())
        if is_loaded and not is_forced:
            raise ModelBusy(f"{id} is in use; choose another one first.", param="id", code="model_in_use")
        freed = await asyncio.to_thread(self._remove, id)
        self._damages.forget(id)
        self._failures.pop(id, None)
        await self._preference.forget(id)
        try:
            if is_loaded:
                await self._preference.fall_back(entry.kind)
        finally:
            await self.refresh()
        return freed

    async def offer(self) -> Offer:
        """The set that suits this machine. Asks the hub for a bare connection, on a first run alone."""
        entries = await asyncio.to_thread(fitting_set, self.settings)
        is_first = await asyncio.to_thread(is_first_run, self.settings)
        states = tuple(state for state in self.states() if state.entry in entries)
        return Offer(
            models=states,
            download_bytes=sum(_lacking(state) for state in states),
            free_bytes=await asyncio.to_thread(free_bytes, self.settings.home),
            is_first_run=is_first,
            is_offline=self.hub.is_offline,
            is_reachable=await self._reach.is_reachable() if is_first and states else None,
            hub=self.hub.host,
        )

    def _known(self, id: str) -> ModelEntry:  # noqa: A002
        """Raises `NotFoundError`."""
        if (entry := self._shelf.find(id)) is None:
            raise _no_such_model(id)
        return entry

    def _check_pull(self, entry: ModelEntry, *, use: bool) -> None:
        if entry.source is None:
            raise InvalidRequestError(
                f"{entry.id} is not downloaded: it is built in, or your own.", param="id"
            )
        if use:
            self._preference.check_open(entry.kind)
        self.hub.check_online()

    def _state(self, entry: ModelEntry, engine: EngineModel | None, *, in_use: bool) -> ModelState:
        pull = self._pulls.find(entry.id)
        return state_of(
            entry,
            self._shelf,
            engine,
            None if pull is None else pull.progress,
            is_pulled=pull is not None,
            in_use=in_use,
            failure=self._damages.find(entry.id) or self._failures.get(entry.id),
        )

    async def _perform(self, pull: Pull) -> None:
        """One download from its turn to its use."""
        entry = pull.entry
        try:
            await self._pulls.fetch(pull, self._damages.revision_to_mend)
            self._damages.forget(entry.id)
            await self.refresh()
        except SottovoceError as error:
            self._failures[entry.id] = error.message
            logger.warning("%s was not downloaded: %s", entry.id, error.message)
            return
        finally:
            self._pulls.drop(pull)
        if pull.is_for_use or self._has_failed(entry.id):
            await self._use_pulled(entry)
        else:
            await self._let_stand_by(entry)

    async def _use_pulled(self, entry: ModelEntry) -> None:
        try:
            await self.use(entry.kind, entry.id)
        except SottovoceError as error:
            if error.code != SUPERSEDED:
                self._failures.setdefault(entry.id, error.message)
                self._announce()

    async def _let_stand_by(self, entry: ModelEntry) -> None:
        """It may be one that stands behind the preferred model, as Whisper does."""
        try:
            await self._room.stand_by(entry.kind)
        except SottovoceError as error:
            logger.warning("%s does not stand by: %s", entry.id, error.message)

    def _has_failed(self, name: str) -> bool:
        return any(each.model == name and each.state == "failed" for each in self._room.states())

    async def _resolved(self, kind: EngineKind, reference: str) -> InstalledModel:
        try:
            return await self._preference.resolved(kind, reference)
        except ModelDamaged as error:
            self._damages.note(error.entry.id, f"{error.message}.")
            self._announce()
            raise

    async def _swap(self, kind: EngineKind, model: InstalledModel) -> None:
        self._failures.pop(model.id, None)
        try:
            await self._preference.give(kind, model)
        except SottovoceError as error:
            if error.code != SUPERSEDED:
                logger.warning("%s is not used: %s", model.id, error.message)
                self._failures[model.id] = error.message
                await self._examine(model.id)
            raise
        finally:
            self._announce()
        await self.refresh()

    async def _watch_room(self) -> None:
        """Pass its changes on, and look at the files of a model that an engine could not load."""
        async for _ in self._room.changes():
            for each in self._room.states():
                if each.state == "failed" and not each.is_external:
                    self._begin(self._examine(each.model), f"examine {each.model}")
            self._announce()

    async def _examine(self, name: str) -> None:
        """Whether damage is why a model cannot be loaded."""
        if await self._damages.examine(name):
            logger.error("%s", self._damages.find(name))
            self._announce()

    async def _seen_coming(self, name: str) -> None:
        """Until the engines show that they take to the model."""
        async with aclosing(self.changes()) as changes:
            async for _ in changes:
                for each in self._room.states():
                    if each.model == name and (each.is_preferred or each.state in ("loading", "warming")):
                        return

    def _remove(self, name: str) -> int:
        with sole(self.store, name):
            return self.store.remove(name)

    def _begin(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, SottovoceError):  # those are in the model's state
            logger.error("%s failed", task.get_name(), exc_info=error)
            self._announce()

    def _announce(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _lacking(state: ModelState) -> int:
    if state.is_installed:
        return 0
    return max(0, (state.total_bytes or int(state.entry.download)) - state.bytes)


def _no_such_model(id: str) -> NotFoundError:  # noqa: A002
    return NotFoundError(f"There is no model {id[:100]!r}.", param="id", code="model_not_found")
