"""One file from the hub, gone on with where it stopped.

`hf_hub_download` of huggingface_hub 2.4 writes into a file of a random name and deletes it when it fails, so
that nothing outlives its process; hence the library gives the connection, and the bytes are written here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import httpx2
from huggingface_hub import constants, get_session
from huggingface_hub.utils import hf_raise_for_status  # type: ignore[attr-defined]  # loaded when asked for

from sottovoce.models.download_errors import HubUntrusted, UnsafeFile, WrongContent
from sottovoce.models.download_faults import CutShort
from sottovoce.models.download_meter import Meter
from sottovoce.models.hub import without_password

_RANGE = re.compile(r"bytes (\d+)-")


def fetch(url: str, partial: Path, size_bytes: int, headers: Mapping[str, str], meter: Meter) -> None:
    """Bring `partial` to `size_bytes`, asking only for what it lacks.

    Raises `CutShort` and the library's errors, after which what has come is kept; `WrongContent` for more
    than was announced; `OSError`.
    """
    with _opened(partial) as file:
        here = file.seek(0, os.SEEK_END)
        if here < size_bytes or size_bytes == 0:
            _receive(url, file, here, size_bytes, headers, meter)
        os.fsync(file.fileno())


def _receive(
    url: str, file: BinaryIO, here: int, size_bytes: int, headers: Mapping[str, str], meter: Meter
) -> None:
    asked = {**headers, **({"Range": f"bytes={here}-"} if here else {})}
    with get_session().stream(
        "GET", url, headers=asked, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT
    ) as response:
        _check(response)
        if here and not _goes_on(response, here):
            meter.drop(here)
            here = file.seek(0)
            file.truncate()
        for chunk in response.iter_bytes():  # as it comes: what waits for a full chunk is lost in a cut
            here += len(chunk)
            if here > size_bytes:
                raise WrongContent(
                    f"{without_password(url)} holds more than the {size_bytes} bytes that were announced."
                )
            file.write(chunk)
            meter.add(len(chunk))
    if here < size_bytes:
        raise CutShort(f"cut after {here} of {size_bytes} bytes")


def _check(response: httpx2.Response) -> None:
    if response.status_code == httpx2.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
        raise WrongContent(f"{response.url.host} holds less of the file than was announced.")
    hf_raise_for_status(response)


def _goes_on(response: httpx2.Response, here: int) -> bool:
    """Whether the answer begins where we stopped; servers may ignore what was asked and send all."""
    found = _RANGE.match(response.headers.get("content-range", ""))
    return (
        response.status_code == httpx2.codes.PARTIAL_CONTENT and found is not None and int(found[1]) == here
    )


def _opened(path: Path) -> BinaryIO:
    """For writing at its end; never through a link that somebody put there."""
    try:
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        if path.is_symlink():
            raise UnsafeFile(f"{path} is a link; delete it.") from error
        raise
    return open(number, "r+b", buffering=0)


def refuse_downgrades(hub_url: str) -> None:
    """See to it that nobody sends an encrypted download from the hub on to where it is not."""
    session = get_session()

    def check(request: httpx2.Request) -> None:
        if hub_url.startswith("https:") and request.url.scheme != "https":
            raise HubUntrusted(
                f"{without_password(hub_url)} sends us on to {request.url.host} without encryption."
            )

    hooks = session.event_hooks
    session.event_hooks = {**hooks, "request": [*hooks["request"], check]}
