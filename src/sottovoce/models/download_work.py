"""The worker's work: all files of one model fetched, compared and put in place."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TypeVar

from huggingface_hub import HfApi, hf_hub_url
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # loaded when asked for
from pydantic import ByteSize

from sottovoce import __version__
from sottovoce.models.download_errors import NoSpace, NotOnHub, UnsafeFile, WrongContent
from sottovoce.models.download_faults import RAISED, fault_of
from sottovoce.models.download_fetch import fetch, refuse_downgrades
from sottovoce.models.download_job import Job
from sottovoce.models.download_listing import Listing, Wanted, list_files
from sottovoce.models.download_meter import Meter
from sottovoce.models.entry import Source
from sottovoce.models.hub import without_password
from sottovoce.models.store import Store, StoredFile
from sottovoce.models.unfinished import RECORD_FILE, Record, read_record, sole
from sottovoce.models.verify import Digests, digests

Answer = TypeVar("Answer")
ATTEMPTS_AT_CONTENT = 2
"""A part that was kept may have been damaged where it lay; what is damaged when it comes whole stays so."""


def work(job: Job, meter: Meter, sleep: Callable[[float], None] = time.sleep) -> None:
    """Returns when the model is in its place. Raises `DownloadError`."""
    source = job.entry.source
    if source is None:
        raise NotOnHub(f"{job.entry.id} comes from no hub: it is a model of your own, or built in.")
    store = Store(job.home)
    with sole(store, job.entry.id):
        _Download(job, source, store, meter, sleep).run()


class _Download:
    def __init__(
        self, job: Job, source: Source, store: Store, meter: Meter, sleep: Callable[[float], None]
    ) -> None:
        self.job, self.source, self.store, self.meter, self.sleep = job, source, store, meter, sleep
        self.folder, self.hub = store.partial(job.entry.id), without_password(job.hub_url)
        token = os.environ.get("HF_TOKEN") or False
        self.api = HfApi(job.hub_url, token=token, library_name="sottovoce", library_version=__version__)
        headers = build_hf_headers(token=token, library_name="sottovoce", library_version=__version__)
        self.headers: Mapping[str, str] = {**headers, "Accept-Encoding": "identity"}

    def run(self) -> None:
        refuse_downgrades(self.job.hub_url)
        revision = self.job.revision or self.source.revision
        self.meter.step("asking")
        listing = self._patiently(lambda: list_files(self.api, self.source, revision))
        try:
            files = self._all(listing)
            (self.folder / RECORD_FILE).unlink()
            self.store.commit(self.job.entry, listing.revision, files)
        except OSError as error:
            raise fault_of(error, self.hub, self.source.repo).error from error
        self.meter.step("done")

    def _all(self, listing: Listing) -> dict[str, str]:
        """The files with their SHA-256, all of them good."""
        self._prepare(listing)
        self._reuse(listing)
        here = self._here(listing)
        self._check_space(listing.total_bytes - here)
        self.meter.plan(listing.total_bytes, here, len(listing.files))
        return {
            wanted.path: self._one(wanted, number, listing.revision)
            for number, wanted in enumerate(listing.files, 1)
        }

    def _prepare(self, listing: Listing) -> None:
        """Take up what an earlier attempt left, and sweep out what no longer belongs to the model.

        Where that was of another revision, all is compared anew, and what nothing tells apart goes.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        earlier = read_record(self.folder)
        is_same = earlier is not None and earlier.revision == listing.revision
        verified = earlier.verified if earlier is not None and is_same else {}
        self.record = Record(
            revision=listing.revision, total_bytes=listing.total_bytes, verified=dict(verified)
        )
        usable = [file for file in listing.files if is_same or file.has_digest]
        known = {RECORD_FILE, *(name for file in usable for name in (file.path, file.incomplete))}
        sizes = {file.path: file.size_bytes for file in usable}
        for path in list(self.folder.rglob("*")):
            name = path.relative_to(self.folder).as_posix()
            if path.is_symlink() or (path.is_file() and not _is_usable(path, name, known, sizes)):
                path.unlink()
        self.record.write(self.folder)

    def _reuse(self, listing: Listing) -> None:
        """Files of the model as it is installed that are good and still wanted need not come again."""
        installed = self.store.folder(self.job.entry.id)
        self.meter.step("checking", note="what is here already")
        for number, wanted in enumerate(listing.files, 1):
            old, new = installed / wanted.path, self.folder / wanted.path
            if new.exists() or not old.is_file() or old.stat().st_size != wanted.size_bytes:
                continue
            self.meter.begin(wanted.path, number, wanted.size_bytes)
            found = digests(old, self.meter.check)
            if _is_right(wanted, found, must_be_known=True):
                new.parent.mkdir(parents=True, exist_ok=True)
                _link(old, new)
                self._note(wanted, found)

    def _here(self, listing: Listing) -> int:
        """Bytes that need not come."""
        paths = [
            path
            for file in listing.files
            for path in (self.folder / file.path, self.folder / file.incomplete)
        ]
        return sum(path.stat().st_size for path in paths if path.is_file())

    def _check_space(self, lacking: int) -> None:
        free = shutil.disk_usage(self.folder).free
        needed = lacking + self.job.reserve_bytes
        if lacking > 0 and free < needed:
            raise NoSpace(
                f"{self.job.entry.id} needs {_words(lacking)} more on the disk of {self.store.root}, and "
                f"{_words(self.job.reserve_bytes)} are kept free; there are {_words(free)}. Free "
                f"{_words(needed - free)}, or set SOTTOVOCE_HOME to a folder on a larger disk."
            )

    def _one(self, wanted: Wanted, number: int, revision: str) -> str:
        """One file, whole and good; its SHA-256."""
        target, partial = self.folder / wanted.path, self.folder / wanted.incomplete
        if self.record.is_verified(self.folder, wanted.path):
            return self.record.verified[wanted.path].sha256
        self._make_room(target)
        if target.exists():  # whole, but not yet compared when the worker before us ended
            os.replace(target, partial)
        for _ in range(ATTEMPTS_AT_CONTENT):
            self._fetch(wanted, partial, number, revision)
            found = self._read_back(wanted, partial, number)
            if _is_right(wanted, found):
                os.replace(partial, target)
                self._note(wanted, found)
                return found.sha256
            self.meter.drop(partial.stat().st_size)
            partial.unlink()
        raise WrongContent(
            f"{wanted.path} of {self.source.repo} came damaged {ATTEMPTS_AT_CONTENT} times: its content is "
            f"not what {self.hub} announces. Try again later, or another mirror; if it stays so, "
            "test the memory and the disk."
        )

    def _make_room(self, target: Path) -> None:
        """Its folders, none of which may lead elsewhere."""
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.parent.resolve().is_relative_to(self.folder.resolve()):
            raise UnsafeFile(f"{target.parent} leads out of the model's folder; delete it.")

    def _fetch(self, wanted: Wanted, partial: Path, number: int, revision: str) -> None:
        url = hf_hub_url(self.source.repo, wanted.path, revision=revision, endpoint=self.job.hub_url)

        def attempt() -> None:
            here = partial.stat().st_size if partial.exists() else 0
            if here > wanted.size_bytes:
                self.meter.drop(here)
                partial.unlink()
                here = 0
            self.meter.step("fetching")
            self.meter.begin(wanted.path, number, wanted.size_bytes, here)
            fetch(url, partial, wanted.size_bytes, self.headers, self.meter)

        self._patiently(attempt)

    def _read_back(self, wanted: Wanted, partial: Path, number: int) -> Digests:
        self.meter.step("checking")
        self.meter.begin(wanted.path, number, wanted.size_bytes)
        return digests(partial, self.meter.check)

    def _note(self, wanted: Wanted, found: Digests) -> None:
        facts = (self.folder / wanted.path).stat()
        stored = StoredFile(size_bytes=facts.st_size, sha256=found.sha256, mtime_ns=facts.st_mtime_ns)
        self.record.verified[wanted.path] = stored
        self.record.write(self.folder)

    def _patiently(self, attempt: Callable[[], Answer]) -> Answer:
        """Try until it is done, as long as something comes or the patience lasts. Raises `DownloadError`."""
        tries = 0
        while True:
            before = self.meter.high_water
            try:
                return attempt()
            except RAISED as error:
                fault = fault_of(error, self.hub, self.source.repo)
                tries = 0 if self.meter.high_water > before else tries
                if not fault.is_passing or tries >= len(self.job.retry_delays):
                    raise fault.error from error
                delay = max(self.job.retry_delays[tries], fault.retry_after)
            tries += 1
            self.meter.step("waiting", note=f"{fault.error.message} Trying again in {delay:.0f} s.")
            self.sleep(delay)


def _is_right(wanted: Wanted, found: Digests, *, must_be_known: bool = False) -> bool:
    """By what the hub or the catalogue says; some mirrors say nothing of small files."""
    if wanted.sha256 is not None:
        return found.sha256 == wanted.sha256
    if wanted.git_sha1 is not None:
        return found.git_sha1 == wanted.git_sha1
    return not must_be_known


def _is_usable(path: Path, name: str, known: Collection[str], sizes: Mapping[str, int]) -> bool:
    """A whole file of another length is another file."""
    return name in known and path.stat().st_size == sizes.get(name, path.stat().st_size)


def _link(old: Path, new: Path) -> None:
    try:
        os.link(old, new)
    except OSError:  # a file system without hard links
        shutil.copy2(old, new)


def _words(size_bytes: int) -> str:
    return ByteSize(size_bytes).human_readable(decimal=True, separator=" ")
