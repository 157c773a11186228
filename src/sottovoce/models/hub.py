"""The hub that models come from: where it is, whether it may be asked, and with which token."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from sottovoce.config import PREFIX, Settings
from sottovoce.models.download_errors import HubOffline

PROBE_DEADLINE = 2.0
"""Seconds for a connection; the page waits for the answer."""
PROBE_MEMORY = 300.0
"""Seconds that an answer is good for, so that reloading the page asks nobody anything."""

_TRUE = frozenset({"1", "on", "yes", "true"})
_SECRETS = ("_API_KEY", "_API_SECRET", "_SECRET_KEY", "_TOKEN", "_PASSWORD", "DATABASE_URL")
_QUIET = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
    "HF_HUB_DISABLE_XET": "1",
}
"""Nothing is told or asked besides the download, no token is picked up from a login of the user's, and the
bytes come over plain HTTP, which can go on in the middle of a file (decision 104)."""


@dataclass(frozen=True, slots=True)
class Hub:
    """`url` has no final slash. `token` is the user's own, from `HF_TOKEN`."""

    url: str
    is_offline: bool = False
    token: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, settings: Settings, environment: Mapping[str, str] | None = None) -> Hub:
        """`SOTTOVOCE_HUB_URL`, else `HF_ENDPOINT`, else the public one."""
        given = os.environ if environment is None else environment
        mirror = None if "hub_url" in settings.model_fields_set else given.get("HF_ENDPOINT")
        is_offline = settings.offline or given.get("HF_HUB_OFFLINE", "").lower() in _TRUE
        return cls((mirror or str(settings.hub_url)).rstrip("/"), is_offline, given.get("HF_TOKEN") or None)

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or self.url

    def check_online(self) -> None:
        """Raises `HubOffline`."""
        if self.is_offline:
            raise HubOffline(
                "Nothing may be downloaded: the settings say offline. Unset SOTTOVOCE_OFFLINE and "
                "HF_HUB_OFFLINE to allow it, or bring the model in a folder (sottovoce models use)."
            )

    def environment(self, home: Path, given: Mapping[str, str] | None = None) -> dict[str, str]:
        """For the worker: without our settings and the user's other secrets, quiet, its home below `home`."""
        kept = {
            name: value
            for name, value in (os.environ if given is None else given).items()
            if not name.startswith(PREFIX) and not name.endswith(_SECRETS) and name != "HF_HUB_OFFLINE"
        }
        token = {} if self.token is None else {"HF_TOKEN": self.token}
        return {**kept, **_QUIET, "HF_ENDPOINT": self.url, "HF_HOME": str(home), **token}


def without_password(url: str) -> str:
    """For messages and logs: a mirror's address may hold a name and a password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


Connect = Callable[[str, int], Awaitable[None]]
"""Opens and closes a connection. Raises OSError."""


class Reach:
    """Whether the hub can be reached, as far as a bare connection tells. Sends nothing."""

    def __init__(
        self,
        hub: Hub,
        connect: Connect | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hub, self._connect, self._now = hub, connect or _connect, now
        self._asked: float | None = None
        self._is_reachable = False
        self._one_at_a_time = asyncio.Lock()

    async def is_reachable(self) -> bool | None:
        """None offline, where nobody is asked."""
        if self._hub.is_offline:
            return None
        async with self._one_at_a_time:
            if self._asked is None or self._now() - self._asked > PROBE_MEMORY:
                self._is_reachable = await self._ask()
                self._asked = self._now()
        return self._is_reachable

    async def _ask(self) -> bool:
        with suppress(OSError, TimeoutError, ValueError):  # the last of an address that is none
            host, port = address_to_ask(self._hub.url)
            async with asyncio.timeout(PROBE_DEADLINE):
                await self._connect(host, port)
                return True
        return False


def address_to_ask(url: str) -> tuple[str, int]:
    """The hub's host and port, or those of the proxy that stands before it."""
    parts = urlsplit(url)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if proxy and not proxy_bypass(parts.hostname or ""):
        parts = urlsplit(proxy if "//" in proxy else f"//{proxy}", scheme="http")
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


async def _connect(host: str, port: int) -> None:
    _, writer = await asyncio.open_connection(host, port)
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
