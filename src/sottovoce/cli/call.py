"""One call to a server's `/v1/realtime`, from sound devices or between files."""

from __future__ import annotations

import asyncio
import binascii
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from sottovoce.audio.decode import decode
from sottovoce.audio.resample import Resampler
from sottovoce.cli import sound
from sottovoce.cli.dialogue import Captions, Dialogue
from sottovoce.cli.running import RunningServer
from sottovoce.cli.say import wav_file
from sottovoce.errors import SottovoceError

FRAME = 0.02
FRAME_BYTES = sound.FRAME_SAMPLES * 2
DECODED_RATE_HZ = 16_000
MAX_MESSAGE_BYTES = 4 << 20
"""One server event; the longest hold a few seconds of base64 audio."""

MAX_UNSENT_FRAMES = 250
"""Five seconds of microphone; a server that takes no more of it is gone."""

QUIET_END = 2.0
"""Seconds of quiet after a file's end that end the call: longer than any end of turn is waited for."""

MAX_OVERTIME = 120.0
"""Seconds after a file's end at most: answers may be long, but not without end."""


async def with_devices(server: RunningServer, captions: Captions) -> None:
    """Talk by microphone and loudspeaker until the server ends it. Raises `NoSoundDevice`."""
    dialogue = Dialogue(captions)
    frames: asyncio.Queue[bytes] = asyncio.Queue()

    def hear(samples: bytes) -> None:
        if frames.qsize() < MAX_UNSENT_FRAMES:
            frames.put_nowait(samples)

    with sound.microphone(hear), sound.playing(dialogue.playback.pull):
        async with _connected(server, dialogue) as send:
            while True:
                await send(await frames.get())


async def with_files(server: RunningServer, captions: Captions, source: Path, target: Path) -> None:
    """Speak `source` in real time; write what was answered, in step with it, to `target`."""
    dialogue = Dialogue(captions)
    frames = await _frames_of(source)
    with wav_file(str(target)) as write:
        async with _connected(server, dialogue) as send:
            async for frame in _paced(frames, dialogue):
                await send(frame)
                write(dialogue.playback.pull(FRAME_BYTES))


async def _frames_of(path: Path) -> list[bytes]:
    """The file as frames of 20 ms, the last one filled up. Raises `BadAudioError`."""
    resampler = Resampler(DECODED_RATE_HZ, sound.RATE_HZ)
    with path.open("rb") as file:
        samples = b"".join([resampler.push(chunk) async for chunk in decode(file)]) + resampler.flush()
    frames = [samples[at : at + FRAME_BYTES] for at in range(0, len(samples), FRAME_BYTES)]
    return [frame.ljust(FRAME_BYTES, b"\0") for frame in frames]


async def _paced(frames: list[bytes], dialogue: Dialogue) -> AsyncIterator[bytes]:
    """The frames at their own pace, then silence until the conversation has been quiet for a while."""
    loop = asyncio.get_running_loop()
    due = quiet_since = loop.time()
    last = due + len(frames) * FRAME + MAX_OVERTIME
    left = iter(frames)
    while due < last:
        frame = next(left, None)
        if frame is not None or not dialogue.is_quiet:
            quiet_since = due
        elif due - quiet_since > QUIET_END:
            return
        yield frame or bytes(FRAME_BYTES)
        due += FRAME
        await asyncio.sleep(due - loop.time())


@asynccontextmanager
async def _connected(
    server: RunningServer, dialogue: Dialogue
) -> AsyncIterator[Callable[[bytes], Awaitable[None]]]:
    """A function that sends one frame, while the server's events reach `dialogue`."""
    async with _connection(server) as connection:

        async def send(frame: bytes) -> None:
            audio = binascii.b2a_base64(frame, newline=False).decode()
            await connection.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))

        reading = asyncio.create_task(_read(connection, dialogue))
        try:
            yield send
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading


async def _read(connection: ClientConnection, dialogue: Dialogue) -> None:
    async for message in connection:
        dialogue.receive(message)


@asynccontextmanager
async def _connection(server: RunningServer) -> AsyncIterator[ClientConnection]:
    """Raises `SottovoceError` where the server refuses or ends the call."""
    url = server.url.replace("http", "ws", 1) + "/v1/realtime?extensions=sottovoce"
    headers = {"authorization": f"Bearer {server.key}"}
    try:
        async with connect(
            url, additional_headers=headers, max_size=MAX_MESSAGE_BYTES, proxy=None, ssl=server.tls
        ) as connection:
            yield connection
    except InvalidHandshake as error:
        raise SottovoceError(f"The server refuses the call: {error}") from error
    except ConnectionClosed as error:
        raise SottovoceError(f"The server ended the call: {error}") from error
