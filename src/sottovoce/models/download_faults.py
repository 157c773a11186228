"""What the hub's library and the system raise, in words for people: cause, and cure."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

import httpx2
from huggingface_hub.errors import (
    FileMetadataError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from sottovoce.errors import DownloadError
from sottovoce.models.download_errors import (
    HubRefusal,
    HubTimeout,
    HubUnreachable,
    HubUntrusted,
    ModelGated,
    NoSpace,
    NotOnHub,
    WrongContent,
)

PASSING_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
MAX_RETRY_AFTER = 120.0
"""Seconds that a hub may ask to be left alone before it counts as refusing."""

_FULL = (errno.ENOSPC, errno.EDQUOT)
_TOKEN = "make a token at {hub}/settings/tokens, then set HF_TOKEN to it"  # noqa: S105  words, no token


class CutShort(Exception):  # noqa: N818  named for what happened
    """The answer ended before the file did."""


RAISED = (
    DownloadError,
    CutShort,
    httpx2.HTTPError,
    httpx2.InvalidURL,
    OSError,
    ValueError,
    KeyError,
    TypeError,
)
"""What `fault_of` knows to tell apart; the last three are how answers of no hub fail to be read."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`is_passing`: trying again may help, after `retry_after` seconds at least."""

    error: DownloadError
    is_passing: bool = False
    retry_after: float = 0.0


def fault_of(error: Exception, hub: str, repo: str) -> Fault:
    """What `error` means for a download of `repo` from `hub`."""
    if isinstance(error, DownloadError):
        return Fault(error)
    if isinstance(error, HfHubHTTPError):
        return _answer(error, hub, repo)
    if isinstance(error, (httpx2.HTTPError, CutShort)):
        return _connection(error, hub)
    if isinstance(error, OSError) and not isinstance(error, FileMetadataError):
        return Fault(_disk(error))
    if isinstance(error, HFValidationError):
        return Fault(NotOnHub(f"{repo} is no name of a repository: {_line(error)}"))
    return Fault(
        WrongContent(
            f"{hub} does not answer as a model hub does ({_line(error)}). Look at SOTTOVOCE_HUB_URL and "
            "HF_ENDPOINT, and whether this network wants you to sign in first."
        )
    )


def _answer(error: HfHubHTTPError, hub: str, repo: str) -> Fault:
    status = error.response.status_code
    if isinstance(error, GatedRepoError):
        return Fault(
            ModelGated(
                f"The owner of {repo} wants its terms accepted first. Open {hub}/{repo}, accept them, "
                f"{_TOKEN.format(hub=hub)}."
            )
        )
    if status in (401, 403):
        return Fault(_refusal(status, hub, repo))
    if isinstance(error, (RepositoryNotFoundError, RevisionNotFoundError, RemoteEntryNotFoundError)):
        return Fault(NotOnHub(f"{hub} has no such thing: {_missing(error, repo)}."))
    if status == 404:
        return Fault(NotOnHub(f"{hub} has no {repo}: it may have been renamed, or the mirror lacks it."))
    if status in PASSING_STATUSES:
        return _troubled(error, status, hub)
    return Fault(DownloadError(f"{hub} answered {status} for {repo}."))


def _refusal(status: int, hub: str, repo: str) -> HubRefusal:
    what = "wants to know who asks" if status == 401 else "does not allow it"
    return HubRefusal(
        f"{hub} refuses {repo} ({status}): it {what}. Either there is no such repository, or it is private: "
        f"{_TOKEN.format(hub=hub)}; a token that is set may have expired."
    )


def _missing(error: HfHubHTTPError, repo: str) -> str:
    if isinstance(error, RevisionNotFoundError):
        return f"{repo} does not have that revision (any more)"
    if isinstance(error, RemoteEntryNotFoundError):
        return f"a file of {repo} is gone"
    return f"the repository {repo}; it may have been renamed, or the mirror lacks it"


def _troubled(error: HfHubHTTPError, status: int, hub: str) -> Fault:
    given = error.response.headers.get("retry-after", "")
    wait = float(given) if given.isdigit() else 0.0
    why = "asks for fewer requests" if status == 429 else f"has troubles of its own ({status})"
    failure = HubUnreachable(f"{hub} {why}. What has come is kept: try again later.")
    return Fault(failure, wait <= MAX_RETRY_AFTER, wait)


def _connection(error: Exception, hub: str) -> Fault:
    causes = list(_causes(error))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return Fault(
            HubUntrusted(
                f"The certificate of {hub} is not good ({_line(causes[-1])}). Is the clock right? Behind a "
                "company's proxy set SSL_CERT_FILE to its certificate."
            )
        )
    if isinstance(error, httpx2.ProxyError):
        return Fault(HubUnreachable(f"The proxy does not let us through ({_line(error)}). See HTTPS_PROXY."))
    if isinstance(error, (httpx2.UnsupportedProtocol, httpx2.InvalidURL, httpx2.TooManyRedirects)):
        return Fault(HubUnreachable(f"{hub} is no address to download from ({_line(error)})."))
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return Fault(_unreachable(hub, "its name is not found"), is_passing=True)
    if isinstance(error, httpx2.TimeoutException):
        late = HubTimeout(f"{hub} does not answer in time. What has come is kept: try again later.")
        return Fault(late, is_passing=True)
    return Fault(_unreachable(hub, _line(error)), is_passing=True)


def _unreachable(hub: str, why: str) -> HubUnreachable:
    return HubUnreachable(
        f"There is no connection to {hub} ({why}). Check the network, then start it again: it goes on where "
        "it was. Without the internet, set SOTTOVOCE_HUB_URL to a mirror, or bring the model in a folder."
    )


def _disk(error: OSError) -> DownloadError:
    if error.errno in _FULL:
        return NoSpace("The disk is full. Free some space, then start it again: it goes on where it was.")
    where = f" {error.filename}" if error.filename else ""
    return DownloadError(f"The file{where} cannot be written: {error.strerror or error}.")


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__


def _line(error: BaseException) -> str:
    """One short line of it: servers write into their errors what they like."""
    first = next(iter(str(error).splitlines()), "") or type(error).__name__
    return "".join(letter for letter in first if letter.isprintable())[:160]
