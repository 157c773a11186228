"""espeak-ng's own process, and stand-ins for one that is ill."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator

import pytest

from sottovoce.engines.tts.phonemes import process as phoneme_process
from sottovoce.engines.tts.phonemes.process import PhonemeProcess, PhonemesUnavailable

READY = 'print(\'{"languages": ["en-us"]}\', flush=True)'
ANSWER = "print(json.dumps({'id': request['id'], 'phonemes': request['texts']}), flush=True)"
FAITHFUL = f"import json, sys; {READY}\nfor line in sys.stdin:\n request = json.loads(line); {ANSWER}"


def program(text: str) -> tuple[str, ...]:
    return (sys.executable, "-S", "-c", text)


@pytest.fixture
async def espeak() -> AsyncIterator[PhonemeProcess]:
    source = PhonemeProcess()
    await source.start()
    yield source
    await source.aclose()


async def test_phonemes_come_for_each_text(espeak: PhonemeProcess) -> None:
    assert {"en-us", "de", "cmn"} <= espeak.languages
    assert await espeak.phonemes(["hello", "", "judge. house"], "en-us") == ["həlˈo^ʊ", "", "d^ʒˈʌd^ʒ hˈa^ʊs"]
    assert await espeak.phonemes(["Käse"], "de") == ["kˈɛːzə"]


async def test_a_language_it_does_not_speak_is_refused(espeak: PhonemeProcess) -> None:
    with pytest.raises(PhonemesUnavailable, match="does not speak xx"):
        await espeak.phonemes(["hello"], "xx")
    assert await espeak.phonemes(["hello"], "en-us")


async def test_one_that_cannot_be_started_is_not_there() -> None:
    with pytest.raises(PhonemesUnavailable, match="cannot be started"):
        await PhonemeProcess(("/nonexistent/program",)).start()


async def test_one_that_was_killed_is_started_again(espeak: PhonemeProcess) -> None:
    first = espeak.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert await espeak.phonemes(["hello"], "en-us") == ["həlˈo^ʊ"]
    assert espeak.pid != first


async def test_one_that_is_killed_at_work_does_the_work_anew(tmp_path: object) -> None:
    flag = f"{tmp_path}/died"
    dies_once = (
        f"import json, os, sys; {READY}\n"
        f"for line in sys.stdin:\n"
        f" request = json.loads(line)\n"
        f" if not os.path.exists({flag!r}): open({flag!r}, 'w'); os.kill(os.getpid(), 9)\n"
        f" {ANSWER}"
    )
    source = PhonemeProcess(program(dies_once))
    assert await source.phonemes(["hello"], "en-us") == ["hello"]
    await source.aclose()


async def test_one_that_dies_over_a_text_is_not_asked_for_ever() -> None:
    source = PhonemeProcess(program(f"import sys; {READY}; sys.stdin.readline(); sys.exit(3)"))
    with pytest.raises(PhonemesUnavailable, match="ends over this text"):
        await source.phonemes(["hello"], "en-us")
    await source.aclose()


async def test_one_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phoneme_process, "ANSWER_DEADLINE", 0.05)
    source = PhonemeProcess(program(f"import time; {READY}; time.sleep(60)"))
    with pytest.raises(PhonemesUnavailable):
        await source.phonemes(["hello"], "en-us")
    await source.aclose()


async def test_one_that_talks_nonsense_is_given_up() -> None:
    source = PhonemeProcess(program(f"import sys; {READY}; sys.stdin.readline(); print('nonsense')"))
    with pytest.raises(PhonemesUnavailable):
        await source.phonemes(["hello"], "en-us")
    await source.aclose()


async def test_an_answer_that_nobody_waits_for_is_not_taken_for_another() -> None:
    source = PhonemeProcess(program(FAITHFUL))
    await source.start()
    left = asyncio.create_task(source.phonemes(["left"], "en-us"))
    await asyncio.sleep(0)  # it has asked
    left.cancel()
    await asyncio.wait({left})
    assert await source.phonemes(["kept"], "en-us") == ["kept"]
    await source.aclose()


async def test_where_there_is_no_library_it_says_so() -> None:
    source = PhonemeProcess(program('print(\'{"error": "espeak-ng cannot be loaded"}\')'))
    with pytest.raises(PhonemesUnavailable, match="cannot be loaded"):
        await source.start()
    assert source.languages == frozenset()
