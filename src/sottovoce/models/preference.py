"""Which model each kind prefers: asked of the engines first, and written down when they have it."""

from __future__ import annotations

import asyncio

from sottovoce.config import EngineKind, Settings
from sottovoce.errors import InvalidRequestError
from sottovoce.models.choice import read_choice, write_choice
from sottovoce.models.engine_room import EngineRoom
from sottovoce.models.installed import EMBEDDED, InstalledModel
from sottovoce.models.plan import plan
from sottovoce.models.resolve import find_entry, reference_of, resolve

SUPERSEDED = "superseded"
"""The code of a change that another one overtook."""


class ModelBusy(InvalidRequestError):  # noqa: N818  named for the situation
    """What is asked for does not go together with what the model, or a setting, is at."""

    http_status = 409
    default_code = "model_busy"


class Preference:
    """The choice of `settings`' home, and the engines of `room` that follow it."""

    def __init__(self, settings: Settings, room: EngineRoom) -> None:
        self._settings, self._room = settings, room
        self._used: dict[str, InstalledModel] = {}
        self._writing = asyncio.Lock()

    @property
    def used(self) -> tuple[InstalledModel, ...]:
        """Those that were asked for since the start; some are in no catalogue."""
        return tuple(self._used.values())

    async def forget(self, id: str) -> None:  # noqa: A002  what a model's name is called everywhere
        """The model is gone."""
        self._used.pop(id, None)
        async with self._writing:
            await asyncio.to_thread(self._unchoose, id)

    def _unchoose(self, id: str) -> None:  # noqa: A002
        for kind, chosen in read_choice(self._settings.home).items():
            if chosen == id:
                write_choice(self._settings.home, kind, None)

    def check_open(self, kind: EngineKind) -> None:
        """Raises `ModelBusy` where a setting has decided."""
        own = self._settings.engine(kind)
        if self._settings.profile == "embedded":
            raise ModelBusy("The profile is 'embedded': nothing else runs (SOTTOVOCE_PROFILE).", param="kind")
        if own.model is not None and not own.is_external:
            name = f"SOTTOVOCE_{kind.upper()}_MODEL"
            raise ModelBusy(f"{name} is set and decides; unset it to choose here.", param="kind")

    async def resolved(self, kind: EngineKind, reference: str) -> InstalledModel:
        """The model that is meant. Raises what `check_open` and `resolve` raise."""
        self.check_open(kind)
        model = await asyncio.to_thread(self._resolve, kind, reference)
        self._used[model.id] = model
        return model

    def _resolve(self, kind: EngineKind, reference: str) -> InstalledModel:
        """One that was in use and is in no catalogue is known by its id too."""
        known = self._used.get(reference)
        if known is not None and known.path is not None and find_entry(reference, self._settings) is None:
            reference = reference_of(known, self._settings)
        return resolve(reference, kind, self._settings)

    async def give(self, kind: EngineKind, model: InstalledModel) -> None:
        """Returns when the engines have `model`, and the choice says so. Raises `EngineError`, and then
        nothing has changed."""
        await self._room.use(kind, None if model == EMBEDDED[kind] else model)
        reference = reference_of(model, self._settings)
        async with self._writing:
            await asyncio.to_thread(write_choice, self._settings.home, kind, reference)

    async def fall_back(self, kind: EngineKind) -> None:
        """Have the engines take what the plan prefers now; nothing is chosen. Raises `EngineError`."""
        planned = await asyncio.to_thread(plan, self._settings)
        here = [link for link in planned[kind] if isinstance(link, InstalledModel)]
        model = here[0] if here and here[0] != EMBEDDED[kind] else None
        await self._room.use(kind, model)
