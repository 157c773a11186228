"""The real recogniser in its processes: words, separation, and what happens when one dies or hangs."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from sottovoce.engines.stt.base import BYTES_PER_SECOND, Segment
from sottovoce.engines.stt.pocketsphinx import PocketsphinxOptions, PocketsphinxTranscriber
from sottovoce.engines.stt.stream import WorkerStream
from sottovoce.errors import EngineCrashed, EngineError, EngineTimeout, LimitExceededError
from tests.unit.engines.stt.sounds import recording, scaled, silence

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(60)]

TIMER = recording("dialogue-set-a-timer-for-ten-minutes-slt")
TIMER_WORDS = "set a timer for ten minutes"
FREE = recording("free-he-told-the-police-that-he-had-never-see-awb")


@pytest.fixture
def options(engine_cache: Path) -> PocketsphinxOptions:
    return PocketsphinxOptions(engine_cache, max_streams=3, stall_deadline=1.0)


@pytest.fixture
async def transcriber(options: PocketsphinxOptions) -> AsyncIterator[PocketsphinxTranscriber]:
    transcriber = PocketsphinxTranscriber(options)
    await transcriber.start()
    yield transcriber
    await transcriber.aclose()


async def words(stream: WorkerStream, pcm: bytes) -> str:
    for at in range(0, len(pcm), 640):
        await stream.push(pcm[at : at + 640])
    return await stream.finish()


def pid_of(stream: WorkerStream) -> int:
    assert stream.pid is not None
    return stream.pid


async def test_commands_come_out_right(transcriber: PocketsphinxTranscriber) -> None:
    stream = await transcriber.open_stream()
    for name, text in [
        ("dialogue-set-a-timer-for-ten-minutes-slt", TIMER_WORDS),
        ("dialogue-what-is-twelve-times-seven-slt", "what is twelve times seven"),
        ("dialogue-stop-slt", "stop"),
        ("command-cancel-my-timer-kal16", "cancel my timer"),
    ]:
        assert await words(stream, recording(name)) == text


async def test_free_speech_comes_out_too(transcriber: PocketsphinxTranscriber) -> None:
    heard = set((await words(await transcriber.open_stream(), FREE)).split())
    assert len({"told", "police", "never", "seen", "before"} & heard) >= 4


@pytest.mark.parametrize("name", ["noise", "silence"])
async def test_noise_and_silence_have_no_words(transcriber: PocketsphinxTranscriber, name: str) -> None:
    assert await words(await transcriber.open_stream(), recording(name)) == ""


async def test_quiet_speech_is_understood(transcriber: PocketsphinxTranscriber) -> None:
    assert await words(await transcriber.open_stream(), scaled(TIMER, 0.03)) == TIMER_WORDS


async def test_interim_words_only_grow(transcriber: PocketsphinxTranscriber) -> None:
    seen: list[str] = []
    stream = await transcriber.open_stream(seen.append)
    final = await words(stream, TIMER)
    assert len(seen) >= 2
    assert all(later.startswith(earlier) for earlier, later in pairwise(seen))
    assert final == TIMER_WORDS


async def test_words_come_with_their_times_while_a_long_utterance_lasts(
    transcriber: PocketsphinxTranscriber,
) -> None:
    told: asyncio.Queue[Segment] = asyncio.Queue()
    stream = await transcriber.open_stream(on_segment=told.put_nowait)
    pause = silence(2.0)
    await stream.push((TIMER + pause) * 4)
    segments = [await told.get()]
    text = await stream.finish()
    segments += [told.get_nowait() for _ in range(told.qsize())]
    assert text == " ".join([TIMER_WORDS] * 4)
    assert " ".join(segment.text for segment in segments) == text
    words = [word for segment in segments for word in segment.words]
    step = (len(TIMER) + len(pause)) / BYTES_PER_SECOND
    for number, word in enumerate(words):
        assert (
            number // 6 * step <= word.start < word.end <= number // 6 * step + len(TIMER) / BYTES_PER_SECOND
        )
        assert 0 < word.probability <= 1
    assert all(earlier.end <= later.start + 0.001 for earlier, later in pairwise(words))


async def test_a_new_stream_knows_nothing_of_speakers_before(transcriber: PocketsphinxTranscriber) -> None:
    first = await transcriber.open_stream()
    alone = await words(first, FREE)
    await first.aclose()
    other = await transcriber.open_stream()
    for _ in range(3):
        await words(other, scaled(recording("command-roll-two-dice-slt"), 1.9))
    await other.aclose()
    after = await transcriber.open_stream()
    assert await words(after, FREE) == alone


async def test_two_streams_do_not_disturb_each_other(transcriber: PocketsphinxTranscriber) -> None:
    one, other = await transcriber.open_stream(), await transcriber.open_stream()
    alone = await words(await transcriber.open_stream(), FREE)
    assert await asyncio.gather(words(one, TIMER), words(other, FREE)) == [TIMER_WORDS, alone]


async def test_a_reset_forgets_what_was_said(transcriber: PocketsphinxTranscriber) -> None:
    stream = await transcriber.open_stream()
    await stream.push(FREE)
    await stream.reset()
    assert await words(stream, TIMER) == TIMER_WORDS


async def test_a_file_gives_way_to_conversations(transcriber: PocketsphinxTranscriber) -> None:
    live, file = await transcriber.open_stream(), await transcriber.open_stream(is_live=False)
    assert psutil.Process(pid_of(file)).nice() > psutil.Process(pid_of(live)).nice()


async def test_the_number_of_streams_is_limited(transcriber: PocketsphinxTranscriber) -> None:
    streams = [await transcriber.open_stream() for _ in range(3)]
    with pytest.raises(LimitExceededError, match="All 3 streams"):
        await transcriber.open_stream()
    await streams[0].aclose()
    assert await words(await transcriber.open_stream(), TIMER) == TIMER_WORDS


async def test_a_killed_process_is_a_crash_and_the_next_works(transcriber: PocketsphinxTranscriber) -> None:
    stream, neighbour = await transcriber.open_stream(), await transcriber.open_stream()
    await stream.push(TIMER[: len(TIMER) // 2 // 2 * 2])
    os.kill(pid_of(stream), signal.SIGKILL)
    with pytest.raises(EngineCrashed):
        await words(stream, TIMER)
    assert await words(neighbour, TIMER) == TIMER_WORDS
    assert await words(await transcriber.open_stream(), TIMER) == TIMER_WORDS


async def test_a_stopped_process_is_cut_at_the_deadline(transcriber: PocketsphinxTranscriber) -> None:
    stream = await transcriber.open_stream()
    os.kill(pid_of(stream), signal.SIGSTOP)
    with pytest.raises(EngineTimeout):
        await words(stream, TIMER)
    await gone(pid_of(stream))
    assert await words(await transcriber.open_stream(), TIMER) == TIMER_WORDS


async def test_a_dead_zygote_is_replaced(transcriber: PocketsphinxTranscriber) -> None:
    zygote = transcriber.zygote_pid
    assert zygote is not None
    os.kill(zygote, signal.SIGKILL)
    await gone(zygote)
    assert await words(await transcriber.open_stream(), TIMER) == TIMER_WORDS


async def test_closing_ends_every_process(options: PocketsphinxOptions) -> None:
    transcriber = PocketsphinxTranscriber(options)
    await transcriber.start()
    streams = [await transcriber.open_stream() for _ in range(2)]
    pids = [pid_of(stream) for stream in streams]
    assert transcriber.zygote_pid is not None
    pids.append(transcriber.zygote_pid)
    await transcriber.aclose()
    for pid in pids:
        await gone(pid)


async def test_workers_go_with_a_killed_zygote(transcriber: PocketsphinxTranscriber) -> None:
    stream = await transcriber.open_stream()
    os.kill(pid_of(stream), signal.SIGSTOP)  # it could not see the end of a pipe
    assert transcriber.zygote_pid is not None
    os.kill(transcriber.zygote_pid, signal.SIGKILL)
    await gone(pid_of(stream))


async def test_a_model_that_does_not_load_is_an_error(options: PocketsphinxOptions, tmp_path: Path) -> None:
    transcriber = PocketsphinxTranscriber(replace(options, model_folder=tmp_path))
    with pytest.raises(EngineError, match="ended while loading"):
        await transcriber.start()
    await transcriber.aclose()


async def test_a_cache_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    transcriber = PocketsphinxTranscriber(PocketsphinxOptions(tmp_path / "file" / "cache"))
    with pytest.raises(EngineError, match="could not be built"):
        await transcriber.start()


async def gone(pid: int) -> None:
    """Wait until a process has ended; the test's timeout is the deadline."""
    with contextlib.suppress(psutil.NoSuchProcess):
        while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:  # noqa: ASYNC110  not our event
            await asyncio.sleep(0.01)
