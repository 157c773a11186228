from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.errors import InvalidRequestError, SottovoceError, TooLargeError
from sottovoce.realtime.webrtc_offer import MAX_CANDIDATES, MAX_OFFER_BYTES, check_offer

HEAD = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=group:BUNDLE 0 1"]
SECRETS = ["a=ice-ufrag:abcd", "a=ice-pwd:abcdefghijklmnopqrstuv", "a=fingerprint:sha-256 AA:BB"]
AUDIO = [
    "m=audio 9 UDP/TLS/RTP/SAVPF 111",
    "c=IN IP4 0.0.0.0",
    "a=rtpmap:111 opus/48000/2",
    "a=mid:0",
    *SECRETS,
]
DATA = ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=sctp-port:5000", "a=mid:1", *SECRETS]
CANDIDATE = "a=candidate:1 1 udp 2130706431 {} 50000 typ host"


def offer(*lines: str) -> bytes:
    return "\r\n".join([*lines, ""]).encode()


def test_a_good_offer_passes_unchanged() -> None:
    good = offer(*HEAD, *AUDIO, CANDIDATE.format("192.0.2.1"), CANDIDATE.format("fd00::1"), *DATA)
    assert check_offer(good).encode() == good
    assert check_offer(good.replace(b"\r\n", b"\n")).encode() == good


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_offers_of_browsers_pass(browser: str) -> None:
    """Chromium's has no candidates at all; Firefox's are names, and its fingerprint is everybody's."""
    given = (Path(__file__).parents[2] / "data" / "offers" / f"{browser}.sdp").read_bytes()
    checked = check_offer(given)
    assert [line for line in given.decode().splitlines() if line not in checked.splitlines()] == [
        line for line in given.decode().splitlines() if ".local" in line
    ]


def test_candidates_that_would_be_looked_up_are_dropped() -> None:
    names = ["6c1b9f0e.local", "evil.example", "", "1.2.3"]
    checked = check_offer(offer(*HEAD, *AUDIO, *map(CANDIDATE.format, names), "a=candidate:", *DATA))
    assert "candidate" not in checked


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"{}",
        b"\xff\xfe",
        offer(*HEAD),
        offer(*HEAD, *AUDIO),
        offer(*HEAD, *DATA),
        offer(*HEAD, *AUDIO, *AUDIO, *DATA),
        offer(*HEAD, *AUDIO, *DATA, *DATA),
        offer(*HEAD, *AUDIO, *DATA, "m=video 9 UDP/TLS/RTP/SAVPF 96"),
        offer(*HEAD, *(line.replace("opus", "PCMU") for line in AUDIO), *DATA),
        offer(*HEAD, *(line for line in [*AUDIO, *DATA] if "fingerprint" not in line)),
        offer(*HEAD, *(line for line in [*AUDIO, *DATA] if "ice-pwd" not in line)),
        offer(*HEAD, *AUDIO, *(line for line in DATA if "fingerprint" not in line)),
        offer(*HEAD, *(line.replace("sha-256", "md5") for line in AUDIO), *DATA),
        offer(*HEAD, *(line.replace("ufrag:abcd", "ufrag:") for line in AUDIO), *DATA),
        offer(*HEAD[:-1], *AUDIO, *DATA),
        offer(*HEAD, "a=group:BUNDLE 0", *AUDIO, *DATA),
        offer(*HEAD[:-1], "a=group:BUNDLE 0 2", *AUDIO, *DATA),
        offer(*HEAD[:-1], "a=group:BUNDLE 0 0", *AUDIO, *DATA),
        offer(*HEAD, *AUDIO, *(line.replace("mid:1", "mid:0") for line in DATA)),
        offer(*HEAD, *AUDIO, *(line for line in DATA if "mid" not in line)),
        offer(*HEAD, *AUDIO, *[CANDIDATE.format("192.0.2.1")] * (MAX_CANDIDATES + 1), *DATA),
        offer(*HEAD, *AUDIO, *[CANDIDATE.format("a.local")] * (MAX_CANDIDATES + 1), *DATA),
    ],
)
def test_a_bad_offer_is_refused_with_its_reason(bad: bytes) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        check_offer(bad)
    assert caught.value.param == "sdp"


def test_a_huge_offer_is_not_even_parsed() -> None:
    with pytest.raises(TooLargeError):
        check_offer(offer(*HEAD, *AUDIO, *DATA, "a=x:" + "y" * MAX_OFFER_BYTES))


@given(st.binary(max_size=2000) | st.text(max_size=2000).map(lambda text: ("v=0\n" + text).encode()))
def test_no_bytes_raise_anything_but_our_errors(junk: bytes) -> None:
    with contextlib.suppress(SottovoceError):
        check_offer(junk)
