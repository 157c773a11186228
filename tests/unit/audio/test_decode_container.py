"""Which files are decoded, and what is said about the others. In this process, where a fault has a name."""

from __future__ import annotations

import io
import random
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sottovoce.audio.decode import SAMPLE_RATE_HZ
from sottovoce.audio.decode_container import MAX_DAMAGED, FaultyFileError, frames
from sottovoce.audio.decode_mixdown import Mixdown
from tests.unit.audio.sound_files import encoded, header, levels, silent_film, wav

RECORDING = Path(__file__).parents[2] / "data" / "recordings" / "dialogue-tell-me-a-joke-slt.wav"
NOISE = random.Random(1).randbytes(20_000)

KINDS = [
    *(
        ("wav", f"pcm_{kind}")
        for kind in ("u8", "s16le", "s24le", "s32le", "f32le", "f64le", "mulaw", "alaw")
    ),
    *(("wav", "adpcm_ms"), ("wav", "adpcm_ima_wav"), ("w64", "pcm_s16le"), ("au", "pcm_s16be")),
    *(("aiff", "pcm_s16be"), ("aiff", "pcm_s24be"), ("caf", "pcm_s16le"), ("caf", "alac")),
    *(("mp3", "libmp3lame"), ("mp2", "mp2"), ("mpeg", "mp2"), ("flac", "flac"), ("ogg", "flac")),
    *(("ogg", "libopus"), ("ogg", "vorbis"), ("webm", "libopus"), ("webm", "vorbis"), ("matroska", "ac3")),
    *(("adts", "aac"), ("ipod", "aac"), ("ipod", "alac"), ("mp4", "aac"), ("mov", "pcm_s16le")),
]


def decoded(data: bytes, limit: int = 60) -> bytes:
    """At most `limit` seconds."""
    pieces = Mixdown(SAMPLE_RATE_HZ).mix(frames(io.BufferedReader(io.BytesIO(data))))
    pcm = b""
    while len(pcm) < 2 * SAMPLE_RATE_HZ * limit and (piece := next(pieces, b"")):
        pcm += piece
    return pcm


@pytest.mark.parametrize(("container", "codec"), KINDS)
def test_every_usual_format_is_decoded(container: str, codec: str) -> None:
    pcm = decoded(encoded(container, codec))
    assert len(pcm) / 2 / SAMPLE_RATE_HZ == pytest.approx(1.0, abs=0.1)
    assert levels(pcm, 2) == pytest.approx([0.5, 0.5], abs=0.05)


@pytest.mark.parametrize(
    ("container", "video", "codec"), [("mp4", "libx264", "aac"), ("webm", "libvpx", "libopus")]
)
def test_a_film_is_heard(container: str, video: str, codec: str) -> None:
    pcm = decoded(encoded(container, codec, video=video))
    assert levels(pcm, 2) == pytest.approx([0.5, 0.5], abs=0.05)


@pytest.mark.parametrize("rate", [8000, 11_025, 22_050, 44_100, 96_000, 192_000])
def test_every_usual_rate(rate: int) -> None:
    pcm = decoded(wav(1.0, rate, 1))
    assert len(pcm) / 2 == pytest.approx(SAMPLE_RATE_HZ, abs=40)
    assert levels(pcm, 1) == pytest.approx([1.0], abs=0.01)


def test_titles_in_old_encodings_do_no_harm() -> None:
    song = encoded("wav", "pcm_s16le")
    assert b"Lavf" in song
    assert levels(decoded(song.replace(b"Lavf", b"L\xe4vf")), 2) == pytest.approx([0.5, 0.5], abs=0.05)


class CountedFile(io.BytesIO):
    read_bytes = 0

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        count = super().readinto(buffer)
        self.read_bytes += count
        return count


@pytest.mark.parametrize(
    ("container", "codec"), [("ipod", "alac"), ("wav", "pcm_s16le"), ("flac", "flac"), ("webm", "libopus")]
)
def test_the_first_sound_is_there_before_the_file_is_read(container: str, codec: str) -> None:
    data = encoded(container, codec, seconds=120.0)
    file = CountedFile(data)
    next(frames(io.BufferedReader(file, 1 << 16)))
    assert file.read_bytes < 1_300_000  # what FFmpeg may read to learn the format, and the index
    assert container in ("webm", "ipod") or file.read_bytes < len(data) / 4


SDP = b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 5004 RTP/AVP 0\r\n"


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (SDP, r"session description \(SDP\)"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "a playlist"),
        (
            b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:1/a.ts\n#EXT-X-ENDLIST\n",
            "a playlist",
        ),
        (b"[playlist]\nFile1=http://127.0.0.1/\n", "a playlist"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "a playlist"),
        (b"\n <!DOCTYPE HTML><html><body>404</body></html>", "a web page"),
        (b"<html><body>hello</body></html>", "a web page"),
        (b"PK\x03\x04" + NOISE, "a ZIP archive"),
        (b"\x1f\x8b\x08" + NOISE, "a compressed archive"),
        (b"%PDF-1.7\n" + NOISE, "a PDF document"),
        (b"\x89PNG\r\n\x1a\n" + NOISE, "a picture"),
        (b'{"error": "not found"}', "a JSON document"),
        (b'<?xml version="1.0"?><MPD/>', "an XML document"),
        (b"hello, this is a note to myself\n" * 50, "cannot be decoded"),
        (NOISE, "cannot be decoded"),
        (bytes(5000), "cannot be decoded"),
        (b"\0", "cannot be decoded"),
        (encoded("ipod", "aac")[:9000], "its index is missing"),
        (encoded("mp4", "aac", video="libx264")[:4000], "its index is missing"),
        (header(rate=0) + NOISE, "cannot be decoded"),
        (header(rate=3) + NOISE, "3 samples a second"),
        (header(rate=4_000_000) + NOISE, "4000000 samples a second"),
        (header(channels=0) + NOISE, "cannot be decoded"),
        (header(channels=200) + NOISE, "200 channels"),
        (header(channels=65_535) + NOISE, "cannot be decoded"),
        (header(form=0x5555) + NOISE, "not served|cannot be decoded"),
    ],
)
def test_what_cannot_be_decoded_is_named(data: bytes, fault: str) -> None:
    with pytest.raises(FaultyFileError, match=fault):
        decoded(data)


def test_a_film_without_sound_is_named() -> None:
    with pytest.raises(FaultyFileError, match="no audio track"):
        decoded(silent_film())


def test_damage_in_the_middle_costs_what_was_there() -> None:
    whole = bytearray(encoded("mp3", "libmp3lame", seconds=4.0))
    middle = len(whole) // 2
    whole[middle : middle + 2000] = NOISE[:2000]
    assert 3.0 < len(decoded(bytes(whole))) / 2 / SAMPLE_RATE_HZ < 4.2


@pytest.mark.parametrize("container", ["mp3", "adts", "ogg"])
def test_formats_that_announce_no_length_may_end_anywhere(container: str) -> None:
    codec = {"mp3": "libmp3lame", "adts": "aac", "ogg": "libopus"}[container]
    whole = encoded(container, codec, seconds=4.0)
    # Opus comes in pages of a second, of which the last is not whole
    assert 0.9 < len(decoded(whole[: len(whole) // 2])) / 2 / SAMPLE_RATE_HZ < 2.5


def test_a_file_that_is_mostly_damage_is_given_up() -> None:
    good = encoded("mp3", "libmp3lame", seconds=0.2)
    frame = b"\xff\xfb\x90\x00"  # a frame's head, and noise for the frame
    bad = b"".join(frame + NOISE[at : at + 413] for at in range(0, 413 * 4 * MAX_DAMAGED // 10, 413))
    with pytest.raises(FaultyFileError, match="cannot be decoded"):
        decoded(good + bad * 20)


@pytest.mark.parametrize(
    ("container", "codec"),
    [
        *(("wav", "pcm_s16le"), ("wav", "adpcm_ms"), ("aiff", "pcm_s16be"), ("au", "pcm_s16be")),
        *(("flac", "flac"), ("webm", "libopus"), ("matroska", "aac")),
    ],
)
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_file_that_ends_before_its_sound_does_was_cut_off(container: str, codec: str, share: float) -> None:
    whole = encoded(container, codec, seconds=4.0)
    assert 3.8 < len(decoded(whole)) / 2 / SAMPLE_RATE_HZ < 4.2
    with pytest.raises(FaultyFileError, match="cut off"):
        decoded(whole[: int(len(whole) * share)])


def test_a_film_whose_index_comes_first_may_have_been_cut_off_too() -> None:
    whole = encoded("mp4", "aac", seconds=4.0, options={"movflags": "frag_keyframe+empty_moov"})
    assert 3.8 < len(decoded(whole)) / 2 / SAMPLE_RATE_HZ < 4.2
    with pytest.raises(FaultyFileError, match=r"cut off: its sound ends at [12]\.\d s of [34]\.\d s"):
        decoded(whole[: len(whole) // 2])


def test_a_film_may_go_on_after_its_sound() -> None:
    film = encoded("matroska", "libopus", seconds=2.0, video="libx264", shown=4.0)
    assert 1.8 < len(decoded(film)) / 2 / SAMPLE_RATE_HZ < 2.2


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0, 0x7FFFFFFF, 0x80000000, 0x7FFFFFFF - 36])
def test_sizes_that_streams_have_are_none(size: int) -> None:
    pcm = RECORDING.read_bytes()[44:]
    assert decoded(header(size=size) + pcm) == pcm


def test_a_size_that_counts_the_header_in_is_forgiven() -> None:
    pcm = RECORDING.read_bytes()[44:]
    assert decoded(header(size=len(pcm) + 44) + pcm) == pcm


SEEDS = [
    encoded(container, codec, seconds=0.2)
    for container, codec in (
        *(
            ("wav", "pcm_s16le"),
            ("wav", "adpcm_ms"),
            ("aiff", "pcm_s16be"),
            ("caf", "alac"),
            ("flac", "flac"),
        ),
        *(("mp3", "libmp3lame"), ("ogg", "libopus"), ("ogg", "vorbis"), ("webm", "libopus")),
        *(
            ("adts", "aac"),
            ("ipod", "aac"),
            ("mp4", "aac"),
            ("mpeg", "mp2"),
            ("w64", "pcm_s16le"),
            ("au", "pcm_s16be"),
        ),
    )
]
NUMBERS = st.sampled_from(
    [struct.pack(order, value) for order in (">I", "<I") for value in (0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 0xFFFF)]
)
CHANGES = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=8) | NUMBERS), max_size=6
)


def check_end(data: bytes) -> None:
    """It is decoded, or has a fault with words for it; anything else would be raised."""
    message = ""
    try:
        decoded(data, limit=10)
    except FaultyFileError as fault:
        message = str(fault)
    assert not message or (message.startswith("The file") and len(message) < 300)


@settings(max_examples=250, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(SEEDS), CHANGES, st.booleans(), st.floats(0, 1))
def test_no_change_of_a_file_has_an_unnamed_end(
    seed: bytes, changes: list[tuple[float, bytes]], is_in_head: bool, cut: float
) -> None:
    data = bytearray(seed)
    reach = min(len(data), 400) if is_in_head else len(data)
    for place, new in changes:
        at = int(place * reach)
        data[at : at + len(new)] = new
    kept = data if cut > 0.5 else data[: int(2 * cut * len(data))]
    check_end(bytes(kept))


@settings(max_examples=50)
@given(st.binary(max_size=2000), st.sampled_from([seed[:12] for seed in SEEDS]))
def test_no_file_at_all_has_an_unnamed_end(data: bytes, start: bytes) -> None:
    check_end(data)
    check_end(start + data)
