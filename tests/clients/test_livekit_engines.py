"""livekit-plugins-openai's STT (over REST and over Realtime), TTS and LLM."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from livekit import rtc
from livekit.agents import APIStatusError, function_tool, llm, stt, utils
from livekit.plugins import openai as plugin

from tests.clients.livekit_room import DEADLINE, frame
from tests.clients.microphone import SPOKEN_QUESTION, SPOKEN_TIME, microphone, speech
from tests.clients.servers import Live

QUESTION = "what is twelve times seven"


@pytest.fixture(autouse=True)
async def _http() -> AsyncIterator[None]:
    async with utils.http_context.open():
        yield


# -- STT


@asynccontextmanager
async def recogniser(live: Live, **options: Any) -> AsyncIterator[plugin.STT]:
    made = plugin.STT(base_url=live.base_url, **{"api_key": live.key, **options})
    try:
        yield made
    finally:
        await made.aclose()
        await made._client.close()  # which it leaves to the garbage collector


@pytest.mark.parametrize(
    ("model", "hints"),
    [
        ("gpt-4o-mini-transcribe", {"prompt": "sums"}),
        ("whisper-1", {"temperature": 0.0}),
        ("gpt-transcribe", {"language": ["en", "de"], "keywords": ["seven"]}),
    ],
)
async def test_a_recording_is_recognised(live: Live, model: str, hints: dict[str, Any]) -> None:
    async with recogniser(live, model=model, **hints) as ear:
        event = await ear.recognize([frame(speech(SPOKEN_QUESTION))])
    assert event.type == stt.SpeechEventType.FINAL_TRANSCRIPT
    assert event.alternatives[0].text == QUESTION


@pytest.mark.parametrize("model", ["gpt-4o-mini-transcribe", "gpt-realtime-whisper"])
async def test_speech_is_recognised_while_it_comes(live: Live, model: str) -> None:
    """The first leaves the turns to the server, the second commits what its own VAD found."""
    finals: list[str] = []
    kinds: list[stt.SpeechEventType] = []
    async with recogniser(live, model=model, use_realtime=True) as ear, ear.stream() as stream:

        async def push(sound: bytes) -> None:
            stream.push_frame(frame(sound))

        async with asyncio.timeout(DEADLINE), microphone(push) as mouth:
            mouth.say(SPOKEN_QUESTION)
            async for event in stream:
                kinds.append(event.type)
                if event.type == stt.SpeechEventType.FINAL_TRANSCRIPT:
                    finals.append(event.alternatives[0].text)
                    mouth.say(SPOKEN_TIME)
                if len(finals) == 2:
                    break
    assert finals == [QUESTION, "what time is it"]
    assert kinds.count(stt.SpeechEventType.START_OF_SPEECH) == 2
    assert kinds.index(stt.SpeechEventType.START_OF_SPEECH) < kinds.index(
        stt.SpeechEventType.FINAL_TRANSCRIPT
    )


async def test_a_wrong_key_ends_recognition_with_its_status(live: Live) -> None:
    async with recogniser(live, api_key="sk-wrong") as ear:
        with pytest.raises(APIStatusError) as caught:
            await ear.recognize([frame(speech(SPOKEN_TIME))])
    assert caught.value.status_code == 401


# -- TTS


@pytest.mark.parametrize(
    ("model", "form"), [("gpt-4o-mini-tts", "mp3"), ("gpt-4o-mini-tts", "pcm"), ("tts-1", "opus")]
)
async def test_speech_is_synthesised(live: Live, model: str, form: Any) -> None:
    """The first two come as server-sent events, the last as plain sound."""
    voice = plugin.TTS(model=model, base_url=live.base_url, api_key=live.key, response_format=form)
    sound: rtc.AudioFrame = await voice.synthesize("Dinner is ready.").collect()
    assert sound.sample_rate == 24_000
    assert 0.5 < sound.duration < 3
    assert max(memoryview(sound.data).cast("B").cast("h")) > 1000
    await voice.aclose()


async def test_what_cannot_be_said_is_told(live: Live) -> None:
    voice = plugin.TTS(voice="nobody", base_url=live.base_url, api_key=live.key)
    with pytest.raises(APIStatusError) as caught:
        await voice.synthesize("Hi.").collect()
    assert caught.value.status_code == 400
    await voice.aclose()


# -- LLM


@function_tool
async def get_weather(city: str) -> str:
    """Get the weather of a city"""
    return city


async def test_a_chat_is_answered(live: Live) -> None:
    model = plugin.LLM(model="gpt-4.1", base_url=live.base_url, api_key=live.key)
    history = llm.ChatContext.empty()
    history.add_message(role="system", content="Be brief.")
    history.add_message(role="user", content=QUESTION)
    reply = await model.chat(chat_ctx=history).collect()
    assert "84" in reply.text
    assert reply.usage is not None
    assert reply.usage.completion_tokens > 0
    await model.aclose()


async def test_a_tool_is_called_and_its_answer_told(live: Live) -> None:
    model = plugin.LLM(base_url=live.base_url, api_key=live.key)
    history = llm.ChatContext.empty()
    history.add_message(role="user", content="what is the weather in Paris")
    reply = await model.chat(chat_ctx=history, tools=[get_weather]).collect()
    (call,) = reply.tool_calls
    assert (call.name, call.arguments.replace(" ", "")) == ("get_weather", '{"city":"Paris"}')
    history.insert(llm.FunctionCall(call_id=call.call_id, name=call.name, arguments=call.arguments))
    history.insert(
        llm.FunctionCallOutput(
            call_id=call.call_id, name=call.name, output='{"sky": "sunny"}', is_error=False
        )
    )
    told = await model.chat(chat_ctx=history, tools=[get_weather]).collect()
    assert "sunny" in told.text
    await model.aclose()


async def test_an_unknown_model_is_told(live: Live) -> None:
    model = plugin.LLM(model="nobody/9b", base_url=live.base_url, api_key=live.key)
    history = llm.ChatContext.empty()
    history.add_message(role="user", content=QUESTION)
    with pytest.raises(APIStatusError) as caught:
        await model.chat(chat_ctx=history).collect()
    assert caught.value.status_code == 404
    await model.aclose()
