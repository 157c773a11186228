"""`sottovoce stt | tts | llm`: one engine service alone, speaking OpenAI's API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sottovoce.config import EngineKind
    from sottovoce.services.child import ServiceOptions

EPILOG = (
    "It serves the model that [bold]sottovoce serve[/bold] would: that of [bold]SOTTOVOCE_STT_MODEL[/bold] "
    "(or _TTS_, _LLM_), else the one that was chosen, else the embedded one. "
    "The service answers to the key in [bold]SOTTOVOCE_SERVICE_KEY[/bold], or to one that it makes and "
    "prints. Example: [bold]sottovoce tts --port 9001[/bold], and elsewhere "
    "[bold]SOTTOVOCE_TTS_URL=http://127.0.0.1:9001/v1 sottovoce serve[/bold]"
)

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 takes a free one.")]
Descriptor = Annotated[int | None, typer.Option(hidden=True, help="Inherited listening socket of `serve`.")]


def stt(host: Host = "127.0.0.1", port: Port = 0, fd: Descriptor = None) -> None:
    """Run the speech recogniser alone."""
    from sottovoce.services.child import run_service
    from sottovoce.services.stt import create_app

    options = _options("stt", host, port, fd)
    run_service(create_app(options), options)


def tts(host: Host = "127.0.0.1", port: Port = 0, fd: Descriptor = None) -> None:
    """Run the speech synthesiser alone."""
    from sottovoce.services.child import run_service
    from sottovoce.services.tts import create_app

    options = _options("tts", host, port, fd)
    run_service(create_app(options), options)


def llm(host: Host = "127.0.0.1", port: Port = 0, fd: Descriptor = None) -> None:
    """Run the language model alone."""
    from sottovoce.services.child import run_service
    from sottovoce.services.llm import create_app

    options = _options("llm", host, port, fd)
    run_service(create_app(options), options)


def _options(kind: EngineKind, host: str, port: int, fd: int | None) -> ServiceOptions:
    """With the model of the settings, unless a parent says which. Raises `ConfigError`."""
    from dataclasses import replace

    from sottovoce.cli.preferred import preferred
    from sottovoce.config import load
    from sottovoce.services.child import ServiceOptions

    options = ServiceOptions.from_environment(host, port, fd)
    if options.is_child or options.model is not None:
        return options
    return replace(options, model=preferred(load(), kind))
