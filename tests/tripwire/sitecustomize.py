"""A tripwire: with its folder on PYTHONPATH, every process notes each address outside this machine that it
reaches for, in the file that the variable `NETWORK_TRIPWIRE` names. Python imports it before all else."""

from __future__ import annotations

import ipaddress
import os
import sys


def _is_foreign(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode(errors="replace")
    if not isinstance(host, str) or host in ("", "localhost"):
        return False
    try:
        return not ipaddress.ip_address(host.split("%")[0]).is_loopback
    except ValueError:
        return True  # a name to be looked up


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) and address else None
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    else:
        return
    if _is_foreign(host):
        with open(os.environ["NETWORK_TRIPWIRE"], "a", encoding="utf-8") as file:
            file.write(f"{event} {host} {' '.join(sys.argv[:3])}\n")


if "NETWORK_TRIPWIRE" in os.environ:
    sys.addaudithook(_watch)
