"""The service's end of a recogniser process, with the test as the process."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from sottovoce.engines.stt.base import Segment, Word
from sottovoce.engines.stt.stream import WorkerStream
from sottovoce.engines.stt.wire import HEADER, MAX_PAYLOAD_BYTES, Kind, pack, pack_segment, unpack_header
from sottovoce.errors import EngineCrashed, EngineTimeout

STALL = 0.1
SET = Segment((Word("set", 0.1, 0.3, 0.5), Word("a", 0.3, 0.4)))
TIMER = Segment((Word("timer", 0.6, 1.0),))
NO_SEGMENTS = (b"", b"\xff", b"1", b"[1]", b"[[1]]", b'[["a", null, 1, 1]]', b"{")


@dataclass
class Process:
    """A recogniser process played by the test, and the stream to it."""

    stream: WorkerStream
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    interims: list[str]
    segments: list[Segment]
    closings: list[None] = field(default_factory=list)

    def say(self, kind: Kind, text: str = "") -> None:
        self.writer.write(pack(kind, text.encode()))

    def tell(self, *segments: Segment) -> None:
        self.writer.write(b"".join(pack_segment(segment) for segment in segments))

    async def hear(self) -> tuple[Kind, bytes]:
        kind, length = unpack_header(await self.reader.readexactly(HEADER.size))
        return kind, await self.reader.readexactly(length)


@pytest.fixture
async def process() -> AsyncIterator[Process]:
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=theirs)
    interims: list[str] = []
    segments: list[Segment] = []
    closings: list[None] = []
    stream = WorkerStream(
        *await asyncio.open_connection(sock=ours),
        on_interim=interims.append,
        on_segment=segments.append,
        on_close=lambda: closings.append(None),
        stall_deadline=STALL,
    )
    yield Process(stream, reader, writer, interims, segments, closings)
    await stream.aclose()
    writer.close()


async def test_audio_goes_up_and_words_come_back(process: Process) -> None:
    await process.stream.push(b"\1\0" * 10)
    assert await process.hear() == (Kind.AUDIO, b"\1\0" * 10)
    finishing = asyncio.create_task(process.stream.finish())
    assert await process.hear() == (Kind.FINISH, b"")
    process.say(Kind.INTERIM, "set a")
    process.tell(SET, TIMER)
    process.say(Kind.FINAL)
    assert await finishing == "set a timer"
    assert process.interims == ["set a"]
    assert process.segments == [SET, TIMER]


async def test_interim_words_follow_the_segments_before_them(process: Process) -> None:
    finishing = asyncio.create_task(process.stream.finish())
    process.tell(SET)
    process.say(Kind.INTERIM, "timer for")
    process.say(Kind.FINAL)
    assert await finishing == "set a"
    assert process.interims == ["set a timer for"]
    finishing = asyncio.create_task(process.stream.finish())
    process.say(Kind.FINAL)
    assert await finishing == ""


async def test_words_of_an_utterance_to_be_forgotten_are_not_heard(process: Process) -> None:
    await process.stream.reset()
    process.tell(SET)
    process.say(Kind.INTERIM, "set a timer")
    process.say(Kind.RESET)
    finishing = asyncio.create_task(process.stream.finish())
    process.tell(TIMER)
    process.say(Kind.FINAL)
    assert await finishing == "timer"
    assert (process.interims, process.segments) == ([], [TIMER])


async def test_long_audio_is_sent_in_pieces(process: Process) -> None:
    pushing = asyncio.create_task(process.stream.push(bytes(MAX_PAYLOAD_BYTES + 2)))
    assert [len((await process.hear())[1]) for _ in range(2)] == [MAX_PAYLOAD_BYTES, 2]
    await pushing


async def test_a_process_that_dies_is_a_crash(process: Process) -> None:
    finishing = asyncio.create_task(process.stream.finish())
    await process.hear()
    process.writer.close()
    with pytest.raises(EngineCrashed, match="died"):
        await finishing
    with pytest.raises(EngineCrashed):
        await process.stream.push(b"\0\0")
    assert len(process.closings) == 1


async def test_a_process_that_says_nothing_is_cut_at_the_deadline(process: Process) -> None:
    with pytest.raises(EngineTimeout, match=r"said nothing for 0\.1 s"):
        await process.stream.finish()
    assert len(process.closings) == 1


async def test_a_process_that_is_at_work_may_take_longer(process: Process) -> None:
    finishing = asyncio.create_task(process.stream.finish())
    for _ in range(4):
        process.say(Kind.HEARD)
        await asyncio.wait({finishing}, timeout=STALL / 2)
    process.tell(SET)
    process.say(Kind.FINAL)
    assert await finishing == "set a"


async def test_a_process_that_does_not_read_is_cut_too(process: Process) -> None:
    async def push_on() -> None:
        while True:
            await process.stream.push(bytes(MAX_PAYLOAD_BYTES))

    with pytest.raises(EngineTimeout):
        await push_on()


@pytest.mark.parametrize(
    "garbage", [b"HTTP/1.1 400\r\n", *(pack(Kind.SEGMENT, payload) for payload in NO_SEGMENTS)]
)
async def test_garbage_is_a_crash(process: Process, garbage: bytes) -> None:
    finishing = asyncio.create_task(process.stream.finish())
    process.writer.write(garbage)
    with pytest.raises(EngineCrashed, match="garbage"):
        await finishing


async def test_a_cancelled_caller_leaves_no_half_finished_stream(process: Process) -> None:
    finishing = asyncio.create_task(process.stream.finish())
    await process.hear()
    finishing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await finishing
    with pytest.raises(EngineCrashed):
        await process.stream.push(b"\0\0")
    assert len(process.closings) == 1


async def test_closing_twice_does_no_harm(process: Process) -> None:
    await process.stream.aclose()
    await process.stream.aclose()
    assert len(process.closings) == 1


@pytest.mark.parametrize("header", [b"X\0\0\0\1", b"A\xff\0\0\0"])
def test_headers_that_nobody_packed_are_refused(header: bytes) -> None:
    with pytest.raises(ValueError, match=r"message of|not a valid"):
        unpack_header(header)
