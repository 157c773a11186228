"""Requests' paths as the names of their routes: few, whatever clients ask for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute, compile_path

OTHER = "other"
"""Of what no route of ours answers, and of the page's files."""


class RouteNames:
    """`/api/keys/key_1` is `/api/keys/{key}`."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        patterns = dict.fromkeys(path for path in _paths(routes) if not path.endswith(":path}"))
        self._patterns = [(compile_path(path)[0], path) for path in patterns]

    def of(self, path: str) -> str:
        return next((name for pattern, name in self._patterns if pattern.match(path)), OTHER)


def _paths(routes: Iterable[BaseRoute], prefix: str = "") -> Iterator[str]:
    for route in routes:
        if isinstance(route, Mount):
            yield from _paths(route.routes, prefix + route.path)
        elif isinstance(route, (Route, WebSocketRoute)):
            yield prefix + route.path
