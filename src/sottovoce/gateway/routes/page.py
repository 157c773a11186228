"""The web page, built into the package, and the cookie that lets it use the API."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

import sottovoce
from sottovoce.errors import ConfigError
from sottovoce.gateway.auth import Credentials

PAGE_FOLDER = Path(sottovoce.__file__).parent / "web" / "dist"


def check_page(folder: Path = PAGE_FOLDER) -> None:
    """Raises `ConfigError` where the page was never built; `serve` then ends with exit code 2."""
    if not (folder / "index.html").is_file():
        raise ConfigError(f"The web page is not built: {folder}/index.html is missing. Cure: make setup")


def routes(folder: Path, credentials: Credentials, *, is_behind_proxy: bool) -> list[BaseRoute]:
    """Raises `ConfigError` like `check_page`."""
    check_page(folder)

    async def index(request: Request) -> Response:
        page = FileResponse(folder / "index.html")
        if request.method == "GET":
            page.set_cookie(
                credentials.cookie_name(request),
                credentials.page_token,
                path="/",
                httponly=True,
                samesite="strict",
                secure=_is_secure(request, is_behind_proxy=is_behind_proxy),
            )
        return page

    return [Route("/", index), Mount("/", StaticFiles(directory=folder))]


def _is_secure(request: Request, *, is_behind_proxy: bool) -> bool:
    """Whether the browser came by TLS; only a proxy that the owner named may say so for it."""
    proxied = is_behind_proxy and request.headers.get("x-forwarded-proto", "").lower() == "https"
    return proxied or request.url.scheme == "https"
