"""The settings flags that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sottovoce.config import Settings

SETTINGS_PANEL = "Settings (they win over SOTTOVOCE_* and sottovoce.toml)"

Home = Annotated[
    Path | None,
    typer.Option(help="Folder of the key, data and models (SOTTOVOCE_HOME).", rich_help_panel=SETTINGS_PANEL),
]
Host = Annotated[
    str | None,
    typer.Option(help="Address of the server (SOTTOVOCE_HOST).", rich_help_panel=SETTINGS_PANEL),
]
Port = Annotated[
    int | None,
    typer.Option(
        help="Port of the server; 0 takes a free one (SOTTOVOCE_PORT).", rich_help_panel=SETTINGS_PANEL
    ),
]
Profile = Annotated[
    str | None,
    typer.Option(help="Which engines to run (SOTTOVOCE_PROFILE).", rich_help_panel=SETTINGS_PANEL),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config", help="Settings file instead of ./sottovoce.toml.", rich_help_panel=SETTINGS_PANEL
    ),
]


def load_settings(config: Path | None, **flags: Any) -> Settings:
    """The settings under this command's flags, None being "not given". Raises `ConfigError`."""
    from sottovoce.config import load

    return load(flags, file=config)
