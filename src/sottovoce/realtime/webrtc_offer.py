"""An SDP offer, checked before aiortc sees it: aiortc accepts junk and answers some with five exceptions."""

from __future__ import annotations

import re
from ipaddress import ip_address

from sottovoce.errors import InvalidRequestError, TooLargeError

MAX_OFFER_BYTES = 64 * 1024
"""Memory and parsing time; a browser's offer has about 6 KB."""

MAX_CANDIDATES = 50
"""Connectivity checks that one offer can make this server send."""

BUNDLE, MID = "a=group:BUNDLE", "a=mid:"
SECRETS = {
    name: re.compile(rf"a={name}:{value}\s*", re.IGNORECASE)
    for name, value in (
        ("ice-ufrag", r"\S{4,256}"),
        ("ice-pwd", r"\S{22,256}"),
        ("fingerprint", r"sha-(256|384|512) ([0-9a-f]{2}:)+[0-9a-f]{2}"),
    )
}
"""What each section, or the whole offer, must say for a connection to be made."""
OPUS = re.compile(r"a=rtpmap:\d{1,3} opus/48000/2\s*", re.IGNORECASE)


def check_offer(offer: bytes) -> str:
    """The offer as text, without candidates that would have to be looked up.

    Raises `TooLargeError` over 64 KiB and `InvalidRequestError` for anything but one audio section with
    Opus and one data channel section, bundled.
    """
    if len(offer) > MAX_OFFER_BYTES:
        raise TooLargeError(f"The SDP offer is larger than {MAX_OFFER_BYTES} bytes.", param="sdp")
    lines = _text(offer).splitlines()
    common, *sections = _sections(lines)
    _check_kinds([section[0].partition(" ")[0] for section in sections])
    _check_bundle(lines)
    for section in sections:
        _check_secrets([*common, *section])
    if not any(OPUS.fullmatch(line) for line in lines):
        raise _bad("its audio section has no Opus")
    if sum(_is_candidate(line) for line in lines) > MAX_CANDIDATES:
        raise _bad(f"it has more than {MAX_CANDIDATES} candidates")
    return "\r\n".join(line for line in lines if not _is_candidate(line) or _has_address(line)) + "\r\n"


def _text(offer: bytes) -> str:
    try:
        text = offer.decode("utf-8")
    except UnicodeDecodeError:
        raise _bad("it is not UTF-8 text") from None
    if not text.startswith("v=0"):
        raise _bad("it does not begin with `v=0`; send the offer itself as application/sdp")
    return text


def _sections(lines: list[str]) -> list[list[str]]:
    """What holds for the whole offer, then each `m=` line with its attributes."""
    starts = [place for place, line in enumerate(lines) if line.startswith("m=")]
    ends = [*starts, len(lines)]
    return [lines[start:end] for start, end in zip([0, *starts], ends, strict=True)]


def _check_secrets(lines: list[str]) -> None:
    for name, pattern in SECRETS.items():
        if not any(pattern.fullmatch(line) for line in lines):
            raise _bad(f"a section has no `a={name}` line, or one that breaks the format")


def _check_kinds(kinds: list[str]) -> None:
    if sorted(kinds) != ["m=application", "m=audio"]:
        raise _bad("it must hold exactly one audio section and one data channel section, and no other")


def _check_bundle(lines: list[str]) -> None:
    """Both sections share one transport, and so one port; aiortc trips over groups that name others."""
    groups = [line.removeprefix(BUNDLE).split() for line in lines if line.startswith(BUNDLE)]
    names = [line.removeprefix(MID) for line in lines if line.startswith(MID)]
    if len(groups) != 1 or len(set(names)) != 2 or sorted(groups[0]) != sorted(names):
        raise _bad(
            "it must bundle its audio and its data channel (`a=group:BUNDLE` with the two `a=mid` names)"
        )


def _is_candidate(line: str) -> bool:
    return line.startswith("a=candidate:")


def _has_address(line: str) -> bool:
    """False for names (browsers' `.local` ones): resolving them delays the answer by a second."""
    fields = line.split()
    try:
        ip_address(fields[4])
    except (IndexError, ValueError):
        return False
    return True


def _bad(reason: str) -> InvalidRequestError:
    return InvalidRequestError(f"The SDP offer cannot be used: {reason}.", param="sdp", code="invalid_offer")
