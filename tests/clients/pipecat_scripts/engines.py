"""pipecat's OpenAISTTService, OpenAIRealtimeSTTService, OpenAITTSService and OpenAILLMService."""

from __future__ import annotations

import os
from typing import Any

from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import (
    ErrorFrame,
    FunctionCallResultFrame,
    InterimTranscriptionFrame,
    LLMFullResponseEndFrame,
    LLMRunFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStoppedFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.audio.vad_processor import VADProcessor
from pipecat.services.llm_service import FunctionCallParams
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.openai.stt import OpenAIRealtimeSTTService, OpenAISTTService
from pipecat.services.openai.tts import OpenAITTSService

from tests.clients.pipecat_scripts.studio import API_KEY, BASE_URL, REALTIME_URL, main, studio

SPEECH = os.environ["SPEECH"]


async def heard_by(*parts: Any) -> dict[str, Any]:
    """What two utterances were understood as."""
    async with studio(*parts) as talk, talk.microphone() as mouth:
        for _ in range(2):
            mouth.say(SPEECH)
            await talk.expect(TranscriptionFrame)
        interim = [frame.text for frame in talk.all(InterimTranscriptionFrame)]
        finals = [frame.text for frame in talk.all(TranscriptionFrame)]
        return {"finals": finals, "interim": interim, "errors": talk.errors}


async def stt() -> dict[str, Any]:
    """A request for each segment that its own VAD found."""
    vad = VADProcessor(vad_analyzer=SileroVADAnalyzer())
    return await heard_by(vad, OpenAISTTService(api_key=API_KEY, base_url=BASE_URL))


async def realtime_stt() -> dict[str, Any]:
    """The default: its own VAD, and a commit for each segment."""
    vad = VADProcessor(vad_analyzer=SileroVADAnalyzer())
    return await heard_by(vad, OpenAIRealtimeSTTService(api_key=API_KEY, base_url=REALTIME_URL))


async def server_vad_stt() -> dict[str, Any]:
    settings = OpenAIRealtimeSTTService.Settings(model="gpt-transcribe", noise_reduction="near_field")
    turns = {"type": "server_vad", "silence_duration_ms": 400}
    return await heard_by(
        OpenAIRealtimeSTTService(
            api_key=API_KEY, base_url=REALTIME_URL, turn_detection=turns, settings=settings
        )
    )


async def tts() -> dict[str, Any]:
    service = OpenAITTSService(
        api_key=API_KEY,
        base_url=BASE_URL,
        settings=OpenAITTSService.Settings(voice="marin", instructions="Be glad.", speed=1.5),
    )
    async with studio(service) as talk:
        await talk.worker.queue_frame(TTSSpeakFrame("Dinner is ready."))
        await talk.expect(TTSStoppedFrame)
        frames = talk.all(TTSAudioRawFrame)
        seconds = sum(frame.num_frames / frame.sample_rate for frame in frames)
        return {"seconds": seconds, "errors": talk.errors}


async def llm() -> dict[str, Any]:
    asked: list[str] = []

    async def get_weather(params: FunctionCallParams, city: str) -> None:
        """Get the weather of a city.

        Args:
            city: The city.
        """
        asked.append(city)
        await params.result_callback({"temperature": 21, "sky": "sunny"})

    service = OpenAILLMService(
        api_key=API_KEY,
        base_url=BASE_URL,
        settings=OpenAILLMService.Settings(system_instruction="Be brief.", temperature=0.5, max_tokens=200),
    )
    messages: Any = [{"role": "user", "content": "what is the weather in Paris"}]
    context = LLMContext(messages, tools=[get_weather])
    pair = LLMContextAggregatorPair(context)
    async with studio(pair.user(), service, pair.assistant()) as talk:
        await talk.worker.queue_frame(LLMRunFrame())
        await talk.expect(FunctionCallResultFrame)
        await talk.expect(LLMFullResponseEndFrame)
        await talk.worker.flush_pipeline()
        return {"asked": asked, "messages": context.get_messages(), "errors": talk.errors}


async def errors() -> dict[str, Any]:
    """A wrong key, as each of them tells it."""
    told = {}
    wrong = {"api_key": "sk-wrong", "base_url": BASE_URL}
    async with studio(OpenAITTSService(**wrong)) as talk:
        await talk.worker.queue_frame(TTSSpeakFrame("Hi."))
        told["tts"] = (await talk.expect(ErrorFrame)).error
    pair = LLMContextAggregatorPair(LLMContext([{"role": "user", "content": "hi"}]))
    async with studio(pair.user(), OpenAILLMService(**wrong), pair.assistant()) as talk:
        await talk.worker.queue_frame(LLMRunFrame())
        told["llm"] = (await talk.expect(ErrorFrame)).error
    vad = VADProcessor(vad_analyzer=SileroVADAnalyzer())
    async with studio(vad, OpenAISTTService(**wrong)) as talk, talk.microphone() as mouth:
        mouth.say(SPEECH)
        told["stt"] = (await talk.expect(ErrorFrame)).error
    return told


if __name__ == "__main__":
    scenarios = {"stt": stt, "realtime_stt": realtime_stt, "server_vad_stt": server_vad_stt}
    main({**scenarios, "tts": tts, "llm": llm, "errors": errors})
