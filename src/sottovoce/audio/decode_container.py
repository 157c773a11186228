"""The sound in a container: which are opened, what in them is decoded, and what is wrong with the others.

Only used in the child that decodes (`decode_child`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from io import BufferedReader

import av
from av import AudioFrame, AudioStream
from av.container import InputContainer

from sottovoce.audio.decode_length import Length, missing_wav_bytes

FORMATS = "wav, aiff, caf, mp3, flac, ogg, opus, m4a, mp4, mov, webm, mkv, aac, mpeg"
CONTAINERS = "wav,w64,aiff,caf,au,mp3,flac,ogg,mov,matroska,webm,aac,mpeg"
CODECS = frozenset(
    {
        *(f"pcm_{kind}" for kind in ("u8", "s8", "alaw", "mulaw", "f16le", "f24le")),
        *(f"pcm_{kind}{order}" for kind in ("s16", "s24", "s32", "f32", "f64") for order in ("le", "be")),
        *("adpcm_ms", "adpcm_ima_wav", "adpcm_ima_qt", "alac", "flac", "vorbis", "opus", "libopus"),
        *("mp1float", "mp2", "mp2float", "mp3", "mp3float", "aac", "ac3", "eac3", "amrnb", "amrwb"),
    }
)
OPTIONS = {
    # without these lists an uploaded SDP or playlist opens sockets and other files, and the pictures of a
    # film would be decoded to learn their size
    "format_whitelist": CONTAINERS,
    "codec_whitelist": ",".join(sorted(CODECS)),
    "protocol_whitelist": "",
    # how much is read, and of how many microseconds, to learn what is in a file
    "probesize": "1000000",
    "analyzeduration": "2000000",
}
MAX_DAMAGED = 100
"""Packets that cannot be decoded, while fewer can, after which a file is given up: bounds work for noise."""
HEAD_BYTES = 512

DISGUISES = (
    # what people upload in place of audio, by how it begins; only asked where decoding has failed
    ("a ZIP archive", (b"pk\x03\x04", b"pk\x05\x06")),
    ("a compressed archive", (b"\x1f\x8b", b"bzh", b"\xfd7zxz", b"7z\xbc\xaf", b"rar!")),
    ("a web page", (b"<!doctype html", b"<html", b"<head", b"<body")),
    ("an XML document", (b"<?xml", b"<svg")),
    ("a playlist", (b"#extm3u", b"[playlist]", b"ffconcat")),
    ("a session description (SDP)", (b"v=0\r", b"v=0\n")),
    ("a PDF document", (b"%pdf",)),
    ("a picture", (b"\x89png", b"\xff\xd8\xff", b"gif8", b"bm")),
    ("a JSON document", (b"{", b"[{")),
)
REASONS = (
    # FFmpeg's words for what happens often, and ours
    ("moov atom not found", "its index is missing, it was cut off or never finished"),
    ("End of file", "it was cut off"),
    ("Invalid data found", "it is damaged, or in a format that is not served"),
    ("Format not on whitelist", "it is in a format that is not served"),
)


class FaultyFileError(Exception):
    """What is wrong with the file, in words for its owner."""


def frames(file: BufferedReader) -> Iterator[AudioFrame]:
    """The first audio track, from the file's start, as it is decoded.

    Damage is passed over, as players do, as long as most of the file can be decoded; an end that comes before
    the one that the file announces is not. Raises `FaultyFileError`.
    """
    _listen_to_ffmpeg()
    if missing := missing_wav_bytes(file):
        raise FaultyFileError(f"The file was cut off: {missing} bytes of the sound it announces are missing.")
    head = file.peek(HEAD_BYTES)[:HEAD_BYTES]
    try:
        container = av.open(file, "r", options=OPTIONS, metadata_errors="replace")
    except (av.error.FFmpegError, ValueError) as error:
        raise _fault(error, head) from None
    with container:
        yield from _decoded(container, _track(container))


def _track(container: InputContainer) -> AudioStream:
    if not container.streams.audio:
        raise FaultyFileError("The file has no audio track.")
    track = container.streams.audio[0]
    name = track.codec_context.codec.name if track.codec_context is not None else "unknown"
    if name not in CODECS:
        raise FaultyFileError(
            f"The file's sound is coded as {name}, which is not served. Send one of {FORMATS}."
        )
    track.codec_context.thread_type = "NONE"
    return track


def _decoded(container: InputContainer, track: AudioStream) -> Iterator[AudioFrame]:
    good = damaged = 0
    fault: Exception | None = None
    length = Length(container, track)
    packets = container.demux(track)
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                break
            heard = packet.decode()
        except av.error.FFmpegError as error:
            _pass_on_shortage(error)
            fault, damaged = error, damaged + 1
            if damaged > MAX_DAMAGED and damaged > good:
                break
            continue  # after an error of the container itself the next packet ends the loop
        good += packet.size > 0  # the last one is empty: it asks the decoder for what it holds back
        for frame in heard:
            length.hear(frame)
            yield frame
    if fault is not None and damaged > good:
        raise _fault(fault, b"")
    if length.is_short(is_damaged=fault is not None):
        raise FaultyFileError(
            f"The file was cut off: its sound ends at {length.heard:.1f} s of {length.promised:.1f} s."
        )


def _pass_on_shortage(error: av.error.FFmpegError) -> None:
    """Memory that is short is no fault of the file's bytes."""
    if isinstance(error, MemoryError):
        raise error


def _fault(error: Exception, head: bytes) -> FaultyFileError:
    if isinstance(error, av.error.FFmpegError):
        _pass_on_shortage(error)
    start = head.lstrip().lower()
    for name, beginnings in DISGUISES:
        if start.startswith(beginnings):
            return FaultyFileError(f"The file is {name}, not audio. Send one of {FORMATS}.")
    return FaultyFileError(f"The file cannot be decoded: {_reason(error)}. Send one of {FORMATS}.")


def _reason(error: Exception) -> str:
    log = getattr(error, "log", None)
    said = log[2] if log else getattr(error, "strerror", None) or str(error)
    said = "".join(character for character in said if character.isprintable()).strip(" .")[:100]
    return next((ours for theirs, ours in REASONS if said.startswith(theirs)), said)


def _listen_to_ffmpeg() -> None:
    """Let errors carry FFmpeg's own words, without printing them: standard error is for ours."""
    av.logging.set_level(av.logging.ERROR)
    logger = logging.getLogger("libav")
    logger.propagate = False
    logger.addHandler(logging.NullHandler())
