"""The microphone and the loudspeaker of this machine, by PortAudio."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sottovoce.errors import SottovoceError

RATE_HZ = 24_000
"""What OpenAI's API hears and says."""

FRAME_SAMPLES = RATE_HZ // 50


class NoSoundDevice(SottovoceError):  # noqa: N818  named for the situation
    """This machine has no microphone or loudspeaker that we can use."""

    default_code = "no_sound_device"


def _portaudio() -> Any:
    try:
        import sounddevice
    except OSError as error:
        raise NoSoundDevice(
            "PortAudio is not installed, so there is no sound here. Debian: apt-get install libportaudio2. "
            "Without it use files: `say -o FILE`, `talk --input FILE --output FILE`."
        ) from error
    return sounddevice


@contextmanager
def _device(make: Callable[[Any], Any]) -> Iterator[Any]:
    portaudio = _portaudio()
    try:
        stream = make(portaudio)
    except portaudio.PortAudioError as error:
        raise NoSoundDevice(
            f"No sound device can be opened ({error}). Use files instead: `say -o FILE`, "
            "`talk --input FILE --output FILE`. `sottovoce doctor` lists what there is."
        ) from error
    with stream:
        yield stream


@contextmanager
def loudspeaker() -> Iterator[Callable[[bytes], None]]:
    """A function that plays s16le mono at RATE_HZ and returns when there is room for more."""
    with _device(lambda audio: audio.RawOutputStream(RATE_HZ, channels=1, dtype="int16")) as stream:
        yield stream.write
        stream.stop()  # plays what was written to its end


@contextmanager
def playing(pull: Callable[[int], bytes]) -> Iterator[None]:
    """Play what `pull(count_bytes)` gives, asked for from a thread of PortAudio's."""

    def fill(buffer: Any, frames: int, time: Any, status: Any) -> None:
        buffer[:] = pull(frames * 2)

    with _device(
        lambda audio: audio.RawOutputStream(
            RATE_HZ, FRAME_SAMPLES, channels=1, dtype="int16", latency="low", callback=fill
        )
    ):
        yield


@contextmanager
def microphone(hear: Callable[[bytes], None]) -> Iterator[None]:
    """Call `hear` in the event loop with every 20 ms of s16le mono at RATE_HZ."""
    loop = asyncio.get_running_loop()

    def took(buffer: Any, frames: int, time: Any, status: Any) -> None:
        loop.call_soon_threadsafe(hear, bytes(buffer))

    with _device(
        lambda audio: audio.RawInputStream(
            RATE_HZ, FRAME_SAMPLES, channels=1, dtype="int16", latency="low", callback=took
        )
    ):
        yield
