"""The web page, built into the package, and the cookie that lets it use the API."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

import sottovoce
from sottovoce.errors import AuthError, ConfigError
from sottovoce.gateway.auth import Credentials
from sottovoce.gateway.page_cookie import PageCookie

PAGE_FOLDER = Path(sottovoce.__file__).parent / "web" / "dist"


def check_page(folder: Path = PAGE_FOLDER) -> None:
    """Raises `ConfigError` where the page was never built; `serve` then ends with exit code 2."""
    if not (folder / "index.html").is_file():
        raise ConfigError(f"The web page is not built: {folder}/index.html is missing. Cure: make setup")


def routes(folder: Path, credentials: Credentials, cookie: PageCookie) -> list[BaseRoute]:
    """Raises `ConfigError` like `check_page`."""
    check_page(folder)

    async def index(request: Request) -> Response:
        page = FileResponse(folder / "index.html")
        if cookie.is_for(request):
            if request.method == "GET":
                cookie.give_token(request, page)
        elif not await _is_signed_in(request):
            return RedirectResponse("/sign-in", 303)
        return page

    async def _is_signed_in(request: Request) -> bool:
        try:
            await credentials.signed_in(request)
        except AuthError:
            return False
        return True

    return [Route("/", index), Mount("/", StaticFiles(directory=folder))]
