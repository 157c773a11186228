"""An SDP offer, checked before aiortc sees it: aiortc accepts junk and answers some with five exceptions."""

from __future__ import annotations

import re
from ipaddress import ip_address

from sottovoce.errors import InvalidRequestError, TooLargeError

MAX_OFFER_BYTES = 64 * 1024
"""Memory and parsing time; a browser's offer has about 6 KB."""

MAX_CANDIDATES = 50
"""Connectivity checks that one offer can make this server send."""

REQUIRED_ATTRIBUTES = ("a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:")
OPUS = re.compile(r"a=rtpmap:\d{1,3} opus/48000/2\s*", re.IGNORECASE)


def check_offer(offer: bytes) -> str:
    """The offer as text, without candidates that would have to be looked up.

    Raises `TooLargeError` over 64 KiB and `InvalidRequestError` for anything but one audio section with
    Opus and one data channel section.
    """
    if len(offer) > MAX_OFFER_BYTES:
        raise TooLargeError(f"The SDP offer is larger than {MAX_OFFER_BYTES} bytes.", param="sdp")
    lines = _text(offer).splitlines()
    _check_sections([line.split(" ")[0] for line in lines if line.startswith("m=")])
    for attribute in REQUIRED_ATTRIBUTES:
        if not any(line.startswith(attribute) for line in lines):
            raise _bad(f"it has no `{attribute}` line")
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


def _check_sections(sections: list[str]) -> None:
    if sorted(sections) != ["m=application", "m=audio"]:
        raise _bad("it must hold exactly one audio section and one data channel section, and no other")


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
