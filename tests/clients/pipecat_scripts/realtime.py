"""pipecat's OpenAIRealtimeLLMService. Any error event but three of them ends its receive loop."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    ErrorFrame,
    InterruptionFrame,
    LLMRunFrame,
    TranscriptionFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.services.llm_service import FunctionCallParams
from pipecat.services.openai.realtime.events import (
    AudioConfiguration,
    AudioInput,
    InputAudioTranscription,
    SemanticTurnDetection,
    SessionProperties,
    TurnDetection,
)
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies

from tests.clients.pipecat_scripts.studio import (
    API_KEY,
    DEADLINE,
    REALTIME_URL,
    Loudspeaker,
    Studio,
    main,
    studio,
)

SPEECH = os.environ["SPEECH"]
QUESTION = "what is twelve times seven"


class Bot:
    """The service in its pipeline's parts; `changes` notes what it is told of the conversation's items."""

    def __init__(
        self,
        *written: str,
        tools: Any = (),
        turn_detection: Any = None,
        api_key: str = API_KEY,
        **user_options: Any,
    ) -> None:
        transcription = InputAudioTranscription(model="gpt-4o-transcribe", language="en", prompt="sums")
        heard = AudioInput(transcription=transcription, turn_detection=turn_detection)
        properties = SessionProperties(audio=AudioConfiguration(input=heard), instructions="Be brief.")
        self.service = OpenAIRealtimeLLMService(
            api_key=api_key,
            base_url=REALTIME_URL,
            settings=OpenAIRealtimeLLMService.Settings(session_properties=properties),
        )
        messages: Any = [{"role": "user", "content": text} for text in written]
        self.context = LLMContext(messages, **({"tools": list(tools)} if tools else {}))
        pair = LLMContextAggregatorPair(self.context, user_params=LLMUserAggregatorParams(**user_options))
        self.loudspeaker = Loudspeaker()
        self.parts = (pair.user(), self.service, self.loudspeaker, pair.assistant())
        self.items: dict[str, Any] = {}
        self.service.event_handler("on_conversation_item_created")(self._created)

    async def _created(self, service: Any, item_id: str, item: Any) -> None:
        self.items[item_id] = item

    async def item(self, role: str) -> Any:
        """The server's own version of the first message by `role`."""
        item_id = next(key for key, item in self.items.items() if item.role == role)
        return await asyncio.wait_for(self.service.retrieve_conversation_item(item_id), DEADLINE)

    def found(self, talk: Any, **more: Any) -> dict[str, Any]:
        messages = [message for message in self.context.get_messages() if isinstance(message, dict)]
        heard = [frame.text for frame in talk.all(TranscriptionFrame)]
        played = self.loudspeaker.played
        return {"messages": messages, "heard": heard, "played": played, "errors": talk.errors, **more}


async def answered(talk: Studio) -> None:
    """The bot has spoken, and its context knows."""
    await talk.expect(BotStartedSpeakingFrame)
    await talk.expect(BotStoppedSpeakingFrame)
    await talk.worker.flush_pipeline()


async def text() -> dict[str, Any]:
    bot = Bot(QUESTION)
    async with studio(*bot.parts) as talk:
        await talk.worker.queue_frame(LLMRunFrame())
        await answered(talk)
        return bot.found(talk)


async def spoken() -> dict[str, Any]:
    """Two turns: what is wrong in the events of the first ends the loop before the second."""
    bot = Bot(turn_detection=SemanticTurnDetection())
    async with studio(*bot.parts) as talk, talk.microphone() as mouth:
        for _ in range(2):
            mouth.say(SPEECH)
            await talk.expect(TranscriptionFrame)
            await answered(talk)
        item = await bot.item("user")
        return bot.found(talk, item=item.model_dump())


async def tools() -> dict[str, Any]:
    asked: list[str] = []

    async def get_weather(params: FunctionCallParams, city: str) -> None:
        """Get the weather of a city.

        Args:
            city: The city.
        """
        asked.append(city)
        await params.result_callback({"temperature": 21, "sky": "sunny"})

    bot = Bot("what is the weather in Paris", tools=[get_weather])
    async with studio(*bot.parts) as talk:
        await talk.worker.queue_frame(LLMRunFrame())
        await answered(talk)
        return bot.found(talk, asked=asked)


async def interruption() -> dict[str, Any]:
    bot = Bot("count to forty", turn_detection=TurnDetection(type="server_vad"))
    async with studio(*bot.parts) as talk, talk.microphone() as mouth:
        await talk.worker.queue_frame(LLMRunFrame())
        await talk.expect(BotStartedSpeakingFrame)
        mouth.say(SPEECH)
        await talk.expect(InterruptionFrame)
        await talk.expect(BotStoppedSpeakingFrame)
        await talk.expect(TranscriptionFrame)
        await answered(talk)
        item = await bot.item("assistant")
        return bot.found(talk, item=item.model_dump())


async def manual() -> dict[str, Any]:
    """Turns found by pipecat's own VAD, which commits, and asks for the response itself."""
    strategies = UserTurnStrategies(stop=[SpeechTimeoutUserTurnStopStrategy()])
    bot = Bot(turn_detection=False, vad_analyzer=SileroVADAnalyzer(), user_turn_strategies=strategies)
    async with studio(*bot.parts) as talk, talk.microphone() as mouth:
        mouth.say(SPEECH)
        await answered(talk)
        return bot.found(talk)


async def errors() -> dict[str, Any]:
    """An item that is not there is an exception and no more; a wrong key is an error."""
    bot = Bot(QUESTION)
    async with studio(*bot.parts) as talk:
        await talk.worker.queue_frame(LLMRunFrame())
        await answered(talk)
        try:
            await asyncio.wait_for(bot.service.retrieve_conversation_item("item_of_nobody"), DEADLINE)
            missing = ""
        except Exception as error:  # noqa: BLE001  the service raises nothing more particular
            missing = str(error)
        item = await bot.item("user")
        found = bot.found(talk, missing=missing, item=item.model_dump())
    stranger = Bot(QUESTION, api_key="sk-wrong")
    async with studio(*stranger.parts) as talk:
        refused = await talk.expect(ErrorFrame) if not talk.errors else None
        found["refused"] = refused.error if refused else talk.errors[0]
    return found


if __name__ == "__main__":
    scenarios = {"text": text, "spoken": spoken, "tools": tools, "interruption": interruption}
    main({**scenarios, "manual": manual, "errors": errors})
