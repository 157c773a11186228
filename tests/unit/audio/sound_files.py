"""Sound files of every kind that people upload, made here, each channel with a tone of its own."""

from __future__ import annotations

import io
import math
import struct
import wave
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from sottovoce.audio.decode import SAMPLE_RATE_HZ

LEVEL = 8000 / 32_768


def pitch(channel: int) -> int:
    """Hz of the tone on a channel."""
    return 300 + 100 * channel


def tones(channels: int, seconds: float, rate: int) -> npt.NDArray[np.float32]:
    """One row for each channel, full scale 1."""
    times = np.arange(int(seconds * rate)) / rate
    rows = [LEVEL * np.sin(2 * np.pi * pitch(channel) * times) for channel in range(channels)]
    return np.stack(rows).astype(np.float32)


def encoded(
    container: str,
    codec: str,
    *,
    seconds: float = 1.0,
    rate: int = 48_000,
    layout: str = "stereo",
    video: str | None = None,
    shown: float | None = None,
    options: dict[str, str] | None = None,
) -> bytes:
    """A file as FFmpeg writes it, with a moving picture if asked, which lasts as long as the sound or `shown`
    seconds."""
    target = io.BytesIO()
    with av.open(target, "w", format=container, options=options or {}) as output:
        film = _film(output, video) if video is not None else None
        stream = output.add_stream(codec, rate=rate, layout=layout)
        if codec == "vorbis":
            stream.codec_context.options = {"strict": "-2"}
        stream.codec_context.open()
        if film is not None:
            _show(output, film, shown or seconds)
        size = stream.codec_context.frame_size or rate // 50
        resampler = av.AudioResampler(stream.format.name, layout, rate)
        samples = tones(av.AudioLayout(layout).nb_channels, seconds, rate)
        for at in range(0, samples.shape[1] - size + 1, size):
            packed = np.ascontiguousarray(samples[:, at : at + size].T).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(packed, "flt", layout)
            frame.rate, frame.pts = rate, at
            for converted in resampler.resample(frame):
                output.mux(stream.encode(converted))
        output.mux(stream.encode(None))
    return target.getvalue()


def silent_film() -> bytes:
    """A film without a sound track."""
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as output:
        _show(output, _film(output, "libx264"), 1.0)
    return target.getvalue()


def _film(output: Any, codec: str) -> Any:
    film = output.add_stream(codec, rate=10)
    film.width = film.height = 64
    film.pix_fmt = "yuv420p"
    return film


def _show(output: Any, film: Any, seconds: float) -> None:
    noise = np.random.default_rng(1)
    for number in range(max(1, int(seconds * 10))):
        picture = noise.integers(0, 255, (96, 64)).astype(np.uint8)
        frame = av.VideoFrame.from_ndarray(picture, "yuv420p")
        frame.pts = number
        output.mux(film.encode(frame))
    output.mux(film.encode(None))


def wav(seconds: float, rate: int, channels: int, sample_bytes: int = 2) -> bytes:
    """Plain PCM, which says how many channels there are and not where they belong."""
    samples = tones(channels, seconds, rate).T.reshape(-1)
    if sample_bytes == 1:
        pcm = (samples * 127 + 128).astype(np.uint8).tobytes()
    else:
        whole = np.rint(samples * 2 ** (8 * sample_bytes - 1)).astype("<i4").reshape(-1, 1)
        pcm = whole.view(np.uint8)[:, :sample_bytes].tobytes()
    target = io.BytesIO()
    with wave.open(target, "wb") as output:
        output.setnchannels(channels)
        output.setsampwidth(sample_bytes)
        output.setframerate(rate)
        output.writeframes(pcm)
    return target.getvalue()


def header(
    channels: int = 1, rate: int = 16_000, bits: int = 16, size: int = 0xFFFFFFFF, form: int = 1
) -> bytes:
    """The head of a wav file that says whatever it is told to."""
    block = channels * bits // 8
    fmt = struct.pack(
        "<HHIIHH", form, channels & 0xFFFF, rate, rate * block & 0xFFFFFFFF, block & 0xFFFF, bits
    )
    return b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0" + fmt + b"data" + struct.pack("<I", size)


def levels(pcm: bytes, channels: int) -> list[float]:
    """How loud each channel's tone is in 16 kHz mono s16le, 1 for the loudness it was made with."""
    samples = np.frombuffer(pcm, np.int16) / 32_768
    middle = samples[len(samples) // 4 : len(samples) // 4 + SAMPLE_RATE_HZ // 2]
    times = np.arange(len(middle)) / SAMPLE_RATE_HZ
    waves = (np.exp(-2j * math.pi * pitch(channel) * times) for channel in range(channels))
    return [round(float(2 * abs(np.mean(middle * each)) / LEVEL), 3) for each in waves]
