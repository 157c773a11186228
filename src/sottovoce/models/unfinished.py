"""A download that is not done: what is here of it, what was found good, and who is at work on it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ValidationError

from sottovoce.models.download_errors import DownloadBusy
from sottovoce.models.store import Store, StoredFile

RECORD_FILE = ".download.json"
SUFFIX = ".incomplete"


class Record(BaseModel):
    """What the worker writes down in the download's folder, so that the next one need not find it out again:
    `verified` are the files whose content was compared, with the time of change they had then."""

    revision: str
    total_bytes: int
    verified: dict[str, StoredFile] = {}

    def is_verified(self, folder: Path, name: str) -> bool:
        """Whether the file was compared and has not changed since."""
        stored = self.verified.get(name)
        with suppress(OSError):
            facts = (folder / name).lstat()
            return stored is not None and (facts.st_size, facts.st_mtime_ns) == (
                stored.size_bytes,
                stored.mtime_ns,
            )
        return False

    def write(self, folder: Path) -> None:
        """Whole or not at all. Raises OSError."""
        draft = folder / f"{RECORD_FILE}.new"
        draft.write_text(self.model_dump_json(), encoding="utf-8")
        os.replace(draft, folder / RECORD_FILE)


def read_record(folder: Path) -> Record | None:
    """None where there is none of use."""
    try:
        return Record.model_validate_json((folder / RECORD_FILE).read_bytes())
    except (OSError, ValidationError):
        return None


@dataclass(frozen=True, slots=True)
class Unfinished:
    """Bytes that are here, of how many."""

    bytes: int
    total_bytes: int


def unfinished(store: Store, id: str) -> Unfinished | None:  # noqa: A002  what a model's name is called
    """The download of the model that can be gone on with; None where there is none."""
    folder = store.partial(id)
    record = read_record(folder)
    if record is None:
        return None
    files = (file for file in folder.rglob("*") if not file.name.startswith(RECORD_FILE))
    here = sum(file.lstat().st_size for file in files if file.is_file())
    return Unfinished(min(here, record.total_bytes), record.total_bytes)


@contextmanager
def sole(store: Store, id: str) -> Iterator[None]:  # noqa: A002
    """Keep other processes from the same download. The system lets go when this one ends, however it does.

    Raises `DownloadBusy`, which names the other one.
    """
    path = store.partial(id).parent / f".{id}.lock"  # no model's id begins with a dot
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise DownloadBusy(
                f"{id} is already being downloaded, by process {file.read(20).strip() or '?'}. "
                "Wait for it, or end it."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
