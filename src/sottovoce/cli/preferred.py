"""The model that one engine alone serves: for a command, or as a service."""

from __future__ import annotations

import typer

from sottovoce.config import EngineKind, Settings
from sottovoce.models.installed import EMBEDDED, InstalledModel
from sottovoce.models.plan import plan, troubles


def preferred(settings: Settings, kind: EngineKind) -> InstalledModel:
    """The one that `serve` would prefer; why it is not the wanted one is said. Raises `ConfigError`."""
    warn(settings, kind)
    here = [link for link in plan(settings)[kind] if isinstance(link, InstalledModel)]
    return here[0] if here else EMBEDDED[kind]


def warn(settings: Settings, *kinds: EngineKind) -> None:
    """Say in the terminal why `kinds` do not have what was chosen for them. Raises `ConfigError`."""
    for kind, trouble in troubles(settings).items():
        if kind in kinds:
            typer.secho(f"warning: {kind}: {trouble}", fg="yellow", err=True)
