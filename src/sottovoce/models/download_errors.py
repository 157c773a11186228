"""Why a download ends without its model: one class for each cause that has a cure of its own."""

from __future__ import annotations

from sottovoce.errors import DownloadError


class HubOffline(DownloadError):  # noqa: N818  named for the situation, as the engines' errors are
    """The settings say that nothing may be asked."""

    http_status = 409
    kind = "invalid_request_error"
    default_code = "hub_offline"


class HubUnreachable(DownloadError):  # noqa: N818
    """No connection, or it was cut once too often."""

    default_code = "hub_unreachable"


class HubTimeout(DownloadError):  # noqa: N818
    """It does not answer."""

    http_status = 504
    default_code = "hub_timeout"


class HubUntrusted(DownloadError):  # noqa: N818
    """Its certificate is not good, or it sends one on to where nothing is encrypted."""

    default_code = "hub_untrusted"


class HubRefusal(DownloadError):  # noqa: N818
    """The token is not good for this, or one is needed."""

    default_code = "hub_unauthorized"


class ModelGated(HubRefusal):
    """The owner wants terms accepted first."""

    default_code = "model_gated"


class NotOnHub(DownloadError):  # noqa: N818
    """There is no such repository, revision or file."""

    default_code = "not_on_hub"


class NoSpace(DownloadError):  # noqa: N818
    """The disk is too full."""

    http_status = 507
    default_code = "no_space"


class WrongContent(DownloadError):  # noqa: N818
    """What came is not what was announced, again and again."""

    default_code = "wrong_content"


class UnsafeFile(DownloadError):  # noqa: N818
    """A file's name would lead out of the model's folder, or replace what is ours."""

    default_code = "unsafe_file"


class DownloadBusy(DownloadError):  # noqa: N818
    """Another process downloads the same model."""

    http_status = 409
    kind = "invalid_request_error"
    default_code = "download_busy"


class WorkerCrashed(DownloadError):  # noqa: N818
    """The worker ended without a word about why."""

    default_code = "download_crashed"


KINDS = {
    kind.default_code: kind
    for kind in (
        *(DownloadError, HubOffline, HubUnreachable, HubTimeout, HubUntrusted, HubRefusal, ModelGated),
        *(NotOnHub, NoSpace, WrongContent, UnsafeFile, DownloadBusy, WorkerCrashed),
    )
}
"""By code: what the worker writes and its parent raises."""


def error_of(code: str, message: str) -> DownloadError:
    return KINDS.get(code, DownloadError)(message)
