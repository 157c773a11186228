"""Web pages that use the stock clients: served elsewhere, or as if the server itself had them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Route

from tests.recordings import RECORDINGS

NODE = Path(__file__).parent / "node"
FOLDERS = {
    "agents": NODE / "node_modules/@openai/agents-realtime/dist/bundle",
    "openai": NODE / "node_modules/openai",
    "recordings": RECORDINGS,
}
PREFIX = "/clients/"
TYPES = {".mjs": "text/javascript", ".html": "text/html", ".wav": "audio/wav"}


def file_at(path: str) -> Path:
    """The file of the page at `path`, such as /clients/recordings/silence.wav."""
    folder, _, name = path.removeprefix(PREFIX).partition("/")
    return FOLDERS[folder] / name if name else NODE / folder


class _Files(SimpleHTTPRequestHandler):
    extensions_map = TYPES

    def translate_path(self, path: str) -> str:
        return str(file_at(urlsplit(path).path))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  as its base has it
        """A test's output is no access log."""


@contextmanager
def elsewhere(origin: str) -> Iterator[None]:
    """Serve the pages at `origin` by a web server that knows nothing of Sottovoce."""
    port = urlsplit(origin).port or 0
    with ThreadingHTTPServer(("127.0.0.1", port), partial(_Files)) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield
        finally:
            server.shutdown()
            serving.join()


def here(context: BrowserContext, origin: str) -> None:
    """Let the browser believe that `origin` has the pages."""

    def fulfil(route: Route) -> None:
        path = file_at(urlsplit(route.request.url).path)
        route.fulfill(path=path, content_type=TYPES[path.suffix])

    context.route(f"{origin}{PREFIX}**", fulfil)
