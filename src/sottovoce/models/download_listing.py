"""What a model's repository holds at one revision, and what of it the model needs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from huggingface_hub import HfApi, get_hf_file_metadata, hf_hub_url
from huggingface_hub.hf_api import RepoSibling

from sottovoce.models.download_errors import NotOnHub, UnsafeFile, WrongContent
from sottovoce.models.entry import Source
from sottovoce.models.hub import without_password
from sottovoce.models.store import MANIFEST_FILE
from sottovoce.models.unfinished import RECORD_FILE, SUFFIX

MAX_FILES = 5000
"""Of one model: keeps a hub gone mad from filling memory and disk; espeak-ng's data are 360."""
MAX_PATH_CHARACTERS = 240
LISTING_TIMEOUT = 20.0
"""Seconds for the hub to name a repository's files."""

_NEVER = (".gitattributes", ".gitignore")
_UNSAFE = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|]')
_SHA256, _SHA1 = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One file. `sha256` is pinned or, of large files, the hub's word; `git_sha1` names the small ones."""

    path: str
    size_bytes: int
    sha256: str | None = None
    git_sha1: str | None = None

    @property
    def has_digest(self) -> bool:
        """Whether other content of its length could be told from it."""
        return self.sha256 is not None or self.git_sha1 is not None

    @property
    def incomplete(self) -> str:
        """Its path while it comes: other content has another one, so that nothing is ever mixed."""
        content = (self.sha256 or self.git_sha1 or f"size{self.size_bytes}")[:16]
        return f"{self.path}.{content}{SUFFIX}"


@dataclass(frozen=True, slots=True)
class Listing:
    """`revision` is the commit, whatever name was asked for."""

    revision: str
    files: tuple[Wanted, ...]

    @property
    def total_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)


def list_files(api: HfApi, source: Source, revision: str | None) -> Listing:
    """Ask the hub. Raises its library's errors, `NotOnHub`, `UnsafeFile` and `WrongContent`."""
    info = api.model_info(source.repo, revision=revision, files_metadata=True, timeout=LISTING_TIMEOUT)
    if info.sha is None:
        raise WrongContent(
            f"{without_password(api.endpoint)} names no commit for {source.repo}; is it a model hub?"
        )
    siblings = _chosen(info.siblings or (), source)
    files = tuple(_wanted(api, source, info.sha, sibling) for sibling in siblings)
    return Listing(info.sha, files)


def _chosen(siblings: Sequence[RepoSibling], source: Source) -> list[RepoSibling]:
    named = [sibling for sibling in siblings if sibling.rfilename not in _NEVER]
    for pattern in (*source.files, *source.sha256):
        if not any(fnmatchcase(sibling.rfilename, pattern) for sibling in named):
            raise NotOnHub(f"{source.repo} has no file {pattern!r}: the model's entry is out of date.")
    chosen = [each for each in named if _is_asked_for(each.rfilename, source.files)]
    check_names(sibling.rfilename for sibling in chosen)
    return chosen


def _is_asked_for(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def check_names(names: Iterable[str]) -> None:
    """Raises `UnsafeFile` for names that must not become files below the model's folder."""
    seen: set[str] = set()
    for name in names:
        parts = name.split("/")
        is_ours = parts[0] in (MANIFEST_FILE, RECORD_FILE) or name.endswith((SUFFIX, ".new"))
        is_leading_out = any(part in ("", ".", "..") for part in parts)
        if is_ours or is_leading_out or _UNSAFE.search(name) or len(name) > MAX_PATH_CHARACTERS:
            raise UnsafeFile(f"The hub offers a file called {name[:100]!r}, which is not safe to write.")
        if name.lower() in seen:
            raise UnsafeFile(f"The hub offers two files called {name[:100]!r}.")
        seen.add(name.lower())
        if len(seen) > MAX_FILES:
            raise UnsafeFile(f"The model has more than {MAX_FILES} files.")


def _wanted(api: HfApi, source: Source, revision: str, sibling: RepoSibling) -> Wanted:
    path, size, etag = sibling.rfilename, sibling.size, sibling.blob_id
    if sibling.lfs is not None:
        size, etag = sibling.lfs.size, sibling.lfs.sha256
    if size is None:  # some mirrors list names alone
        url = hf_hub_url(source.repo, path, revision=revision, endpoint=api.endpoint)
        facts = get_hf_file_metadata(url, token=api.token, timeout=LISTING_TIMEOUT, endpoint=api.endpoint)
        size, etag = facts.size, facts.etag
    if size is None or size < 0:
        raise WrongContent(
            f"{without_password(api.endpoint)} does not say how large {path} of {source.repo} is."
        )
    sha256 = etag if etag and _SHA256.fullmatch(etag) else None
    return Wanted(path, size, _pinned(source, path, sha256), _git_sha1(sibling, etag))


def _pinned(source: Source, path: str, announced: str | None) -> str | None:
    """The catalogue's own word wins. Raises `WrongContent` where the hub's contradicts it."""
    pin = source.sha256.get(path)
    if pin is not None and announced is not None and pin != announced:
        raise WrongContent(
            f"{path} of {source.repo} is another file than the catalogue knows (its SHA-256 begins "
            f"{announced[:12]}, not {pin[:12]}). It may have been replaced: update Sottovoce, or the entry."
        )
    return pin or announced


def _git_sha1(sibling: RepoSibling, etag: str | None) -> str | None:
    """Of files that git itself holds; a large one's is that of its pointer."""
    return etag if sibling.lfs is None and etag and _SHA1.fullmatch(etag) else None
