"""The engine of a model that llama.cpp runs."""

from __future__ import annotations

from pathlib import Path

from sottovoce.config import LlmSettings
from sottovoce.errors import ConfigError
from sottovoce.models.installed import InstalledModel
from sottovoce.models.machine import this_machine
from sottovoce.services.health import Health
from sottovoce.services.llama.responder import LlamaResponder


def make_responder(model: InstalledModel, settings: LlmSettings, health: Health) -> LlamaResponder:
    """Nothing is loaded yet; `health` is told while llama.cpp is started again. Raises `ConfigError`."""
    return LlamaResponder(model.id, gguf_file(model), settings, this_machine(), health)


def gguf_file(model: InstalledModel) -> Path:
    """The model's file, or the first of its parts, which names the others. Raises `ConfigError`."""
    if model.path is None:
        raise ConfigError(f"{model.id} has no file.", param="llm_model")
    if model.path.is_file() or model.path.suffix == ".gguf":
        return model.path
    files = sorted(file for file in model.path.rglob("*.gguf") if not file.name.startswith("mmproj"))
    if not files:
        raise ConfigError(f"{model.path} holds no .gguf file.", param="llm_model")
    return files[0]
