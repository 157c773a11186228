"""Engines and a hub that do as a test tells them, for the models' desk."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sottovoce.config import ENGINE_KINDS, EngineKind, Settings
from sottovoce.errors import DownloadError, EngineError, EngineUnavailable
from sottovoce.models.download import DownloadOptions
from sottovoce.models.download_job import Progress
from sottovoce.models.engine_room import EngineModel
from sottovoce.models.entry import ModelEntry
from sottovoce.models.installed import EMBEDDED, InstalledModel
from sottovoce.models.store import Store

OWN_MODELS: tuple[dict[str, Any], ...] = tuple(
    {
        "id": name,
        "kind": kind,
        "engine": engine,
        "family": family,
        "languages": ["en"],
        "license": "MIT",
        "source": {"repo": f"maker/{name}"},
        "download": size,
        "memory": 1000,
    }
    for name, kind, engine, family, size in (
        ("ear", "stt", "sherpa-streaming", "nemo-transducer", 3000),
        ("mind", "llm", "llama.cpp", "gguf", 5000),
        ("mouth", "tts", "sherpa-tts", "kokoro", 1000),
    )
)


def settings_with_models(home: Path, **given: Any) -> Settings:
    """Settings whose catalogue knows three small models besides the packaged ones."""
    return Settings.model_validate({"home": home, "models": OWN_MODELS, **given})


def put_in_place(home: Path, entry: ModelEntry, content: bytes = b"weights") -> InstalledModel:
    """Install a model of one file, as the worker does."""
    store = Store(home)
    folder = store.partial(entry.id)
    folder.mkdir(parents=True, exist_ok=True)
    name = "model.gguf" if entry.engine == "llama.cpp" else "model.onnx"
    (folder / name).write_bytes(content)
    return store.commit(entry, "c0ffee", {name: hashlib.sha256(content).hexdigest()})


@dataclass
class FakeRoom:
    """Loads a model at once, unless `gate` is closed or `refusal` says why it cannot."""

    refusal: EngineError | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    used: list[tuple[EngineKind, str | None]] = field(default_factory=list)
    planned_anew: asyncio.Queue[EngineKind] = field(default_factory=asyncio.Queue)
    _chains: dict[EngineKind, list[EngineModel]] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()
        for kind in ENGINE_KINDS:
            self._chains[kind] = [EngineModel(kind, EMBEDDED[kind].id, "ready", is_preferred=True)]

    async def use(self, kind: EngineKind, model: InstalledModel | None) -> None:
        name = EMBEDDED[kind].id if model is None else model.id
        self.used.append((kind, None if model is None else model.id))
        before = self._chains[kind]
        self.show(kind, EngineModel(kind, name, "loading", progress=0.5), *before)
        await self.gate.wait()
        if self.refusal is not None:
            self.show(kind, *before)
            raise self.refusal
        self.show(kind, EngineModel(kind, name, "ready", is_preferred=True, load_seconds=1.5, memory_bytes=9))

    async def stand_by(self, kind: EngineKind) -> None:
        self.planned_anew.put_nowait(kind)

    def show(self, kind: EngineKind, *models: EngineModel) -> None:
        self._chains[kind] = list(models)
        self._changed.set()
        self._changed = asyncio.Event()

    def fail(self, kind: EngineKind, name: str, reason: str = "it will not load") -> None:
        """The engine's child has died too often; the embedded one answers."""
        behind = replace(EngineModel(kind, EMBEDDED[kind].id, "ready"))
        self.show(kind, EngineModel(kind, name, "failed", reason=reason, is_preferred=True), behind)

    def states(self) -> Sequence[EngineModel]:
        return [each for chain in self._chains.values() for each in chain]

    async def changes(self) -> AsyncIterator[object]:
        while True:
            changed = self._changed
            yield None
            await changed.wait()


@dataclass
class FakeDownloads:
    """Downloads that stand still until a test lets them go on."""

    home: Path
    begun: dict[str, DownloadOptions] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)
    _steps: dict[str, asyncio.Queue[Progress | DownloadError | None]] = field(default_factory=dict)

    def advance(self, name: str, progress: Progress) -> None:
        self._of(name).put_nowait(progress)

    def finish(self, *names: str) -> None:
        for name in names:
            self._of(name).put_nowait(None)

    def fail(self, name: str, error: DownloadError) -> None:
        self._of(name).put_nowait(error)

    def _of(self, name: str) -> asyncio.Queue[Progress | DownloadError | None]:
        return self._steps.setdefault(name, asyncio.Queue())

    async def __call__(
        self, entry: ModelEntry, settings: Settings, options: DownloadOptions
    ) -> AsyncGenerator[Progress]:
        self.begun[entry.id] = options
        try:
            yield Progress(step="asking")
            while (step := await self._of(entry.id).get()) is not None:
                if isinstance(step, DownloadError):
                    raise step
                yield step
            await asyncio.to_thread(put_in_place, self.home, entry)
        finally:
            self.ended.append(entry.id)


def broken(kind: EngineKind, reason: str = "the file is no model") -> EngineError:
    return EngineUnavailable(reason, engine=kind, code="model_failed")
