"""`sottovoce stt | tts | llm`: one engine service alone, speaking OpenAI's API."""

from __future__ import annotations

from typing import Annotated

import typer

EPILOG = (
    "The service answers to the key in [bold]SOTTOVOCE_SERVICE_KEY[/bold], or to one that it makes and "
    "prints. Example: [bold]sottovoce tts --port 9001[/bold], and elsewhere "
    "[bold]SOTTOVOCE_TTS_URL=http://127.0.0.1:9001/v1 sottovoce serve[/bold]"
)

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 takes a free one.")]
Descriptor = Annotated[int | None, typer.Option(hidden=True, help="Inherited listening socket of `serve`.")]


def stt(host: Host = "127.0.0.1", port: Port = 0, fd: Descriptor = None) -> None:
    """Run the speech recogniser alone."""
    from sottovoce.services.child import ServiceOptions, run_service
    from sottovoce.services.stt import create_app

    options = ServiceOptions.from_environment(host, port, fd)
    run_service(create_app(options), options)


def tts(host: Host = "127.0.0.1", port: Port = 0, fd: Descriptor = None) -> None:
    """Run the speech synthesiser alone."""
    from sottovoce.services.child import ServiceOptions, run_service
    from sottovoce.services.tts import create_app

    options = ServiceOptions.from_environment(host, port, fd)
    run_service(create_app(options), options)


def llm(host: Host = "127.0.0.1", port: Port = 0, fd: Descriptor = None) -> None:
    """Run the language model alone."""
    from sottovoce.services.child import ServiceOptions, run_service
    from sottovoce.services.llm import create_app

    options = ServiceOptions.from_environment(host, port, fd)
    run_service(create_app(options), options)
