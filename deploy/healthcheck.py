"""Whether the container's role is ready: exits 0 or 1, with the reason on standard output.

    healthcheck.py [URL]

Without a URL it asks the role that runs, which it reads from the command line of process 1. It stands beside
Sottovoce, not in it: a check every few seconds must not cost the imports of the whole.
"""

from __future__ import annotations

import os
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

TIMEOUT = 4.0
"""Seconds; below the image's own, so that the reason is told."""

MAX_REASON_BYTES = 2000
"""Of the answer that is shown: it is kept by whoever runs the check."""

SERVE, WORKER = ("SOTTOVOCE_PORT", 8080), ("SOTTOVOCE_LIVEKIT_WORKER_PORT", 8081)
"""Where the two listen: a setting and its default. The engines have no default but `--port`."""
ENGINES = ("stt", "llm", "tts")


def ready_url(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """Where the role of the command line `… sottovoce ROLE …` tells that it is ready. Raises `ValueError`."""
    role, rest = _role(command)
    if role == "serve":
        has_tls = "--tls" in rest or "--tls-cert" in rest or _is_true(environment.get("SOTTOVOCE_TLS"))
        has_tls = has_tls or bool(environment.get("SOTTOVOCE_TLS_CERT"))
        port = _option(rest, "--port") or environment.get(SERVE[0]) or str(SERVE[1])
        return f"{'https' if has_tls else 'http'}://127.0.0.1:{port}/readyz"
    port = _option(rest, "--port") or ""
    if role == "worker":
        return f"http://127.0.0.1:{port or environment.get(WORKER[0]) or WORKER[1]}/readyz"
    if role not in ENGINES or port in ("", "0"):
        raise ValueError(f"nothing to ask: {' '.join(command)!r} listens on no port that is known")
    return f"http://127.0.0.1:{port}/readyz"


def _role(command: Sequence[str]) -> tuple[str, Sequence[str]]:
    for at, word in enumerate(command[:-1]):
        if Path(word).name == "sottovoce":
            return command[at + 1], command[at + 2 :]
    raise ValueError(f"process 1 is not Sottovoce but {' '.join(command)!r}")


def _option(words: Sequence[str], name: str) -> str | None:
    for at, word in enumerate(words):
        if word == name and at + 1 < len(words):
            return words[at + 1]
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
    return None


def _is_true(value: str | None) -> bool:
    return (value or "").lower() in ("1", "true", "yes", "on", "t", "y")


def check(url: str) -> tuple[bool, str]:
    """Whether it answers 2xx, and what it said."""
    trusting = ssl.create_default_context()
    trusting.check_hostname = False  # its own certificate, asked for by another name, within the container
    trusting.verify_mode = ssl.CERT_NONE
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusting)
    )
    try:
        with opener.open(url, timeout=TIMEOUT) as reply:
            return True, reply.read(MAX_REASON_BYTES).decode(errors="replace")
    except urllib.error.HTTPError as error:
        return False, f"{error.code} {error.read(MAX_REASON_BYTES).decode(errors='replace')}"
    except OSError as error:
        return False, f"{url}: {error}"


def main(arguments: Sequence[str]) -> int:
    try:
        url = arguments[0] if arguments else ready_url(_first_process(), os.environ)
    except ValueError as error:
        is_ready, said = False, str(error)
    else:
        is_ready, said = check(url)
    print(said)
    return 0 if is_ready else 1


def _first_process() -> list[str]:
    return Path("/proc/1/cmdline").read_text().rstrip("\0").split("\0")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
