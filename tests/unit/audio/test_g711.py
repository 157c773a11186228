from __future__ import annotations

from hashlib import sha256

import av
import numpy as np
import pytest

from sottovoce.audio import g711

CODES = bytes(range(256))
ALL_SAMPLES = np.arange(-32768, 32768, dtype="<i2").tobytes()
REFERENCE = {
    "ulaw": "81d633c9e6972a18c74a58720b96cb8ca0bdd096d4060b646dd708c3b846019a",
    "alaw": "38488f6fd710f4686360edc4d38639f96c491595ef93f8eb8d62d5e07ca6ce7b",
}
"""SHA-256 of every sample as Sun's g711.c compresses it."""


@pytest.mark.parametrize("law", ["ulaw", "alaw"])
def test_every_sample_is_compressed_as_in_the_reference(law: g711.Law) -> None:
    assert sha256(g711.compress(ALL_SAMPLES, law)).hexdigest() == REFERENCE[law]


@pytest.mark.parametrize(("law", "codec"), [("ulaw", "pcm_mulaw"), ("alaw", "pcm_alaw")])
def test_every_code_is_expanded_as_ffmpeg_expands_it(law: g711.Law, codec: str) -> None:
    decoder = av.CodecContext.create(codec, "r")
    decoder.sample_rate, decoder.layout = g711.RATE_HZ, "mono"
    (frame,) = decoder.decode(av.Packet(CODES))
    assert g711.expand(CODES, law) == frame.to_ndarray().astype("<i2").tobytes()


@pytest.mark.parametrize("law", ["ulaw", "alaw"])
def test_what_was_expanded_is_compressed_to_the_same(law: g711.Law) -> None:
    back = g711.compress(g711.expand(CODES, law), law)
    # only minus nought, which µ-law has, comes back as nought
    assert [code for code in CODES if back[code] != code] == ([0x7F] if law == "ulaw" else [])


@pytest.mark.parametrize("law", ["ulaw", "alaw"])
def test_companding_costs_little(law: g711.Law) -> None:
    samples = np.frombuffer(ALL_SAMPLES, "<i2").astype(np.int32)
    back = np.frombuffer(g711.expand(g711.compress(ALL_SAMPLES, law), law), "<i2").astype(np.int32)
    assert np.all(np.abs(back - samples) <= np.maximum(np.abs(samples) // 16, 16))


def test_nothing_is_nothing() -> None:
    assert g711.expand(b"", "ulaw") == g711.compress(b"", "alaw") == b""
