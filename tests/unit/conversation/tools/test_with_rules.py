"""The dialogue engine and the session's tools together: every call it makes is one that they take."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import jsonschema
import pytest
from livekit.agents.llm import ToolError
from livekit.agents.llm.utils import build_legacy_openai_schema, build_strict_openai_schema

from sottovoce.conversation.tools import Toolbox
from sottovoce.engines.llm.base import ToolCall
from sottovoce.engines.llm.chat import Tool
from sottovoce.engines.llm.phrases import examples
from sottovoce.engines.llm.rules.intent import TOOLS
from tests.unit.conversation.tools.clockwork import Clockwork, make_context
from tests.unit.engines.llm.rules.dialogue import Dialogue


class Bench:
    """A dialogue whose tool calls are run by a toolbox, in the schema form that the client chose."""

    def __init__(self, *, is_strict: bool) -> None:
        self.clock = Clockwork()
        self.said: list[str] = []
        self.toolbox = Toolbox(make_context(self.clock, self.said))
        self.tools = {tool.info.name: tool for tool in self.toolbox.tools}
        build = build_strict_openai_schema if is_strict else build_legacy_openai_schema
        self.schemas = {name: build(tool) for name, tool in self.tools.items()}
        self.dialogue = Dialogue([Tool.model_validate(schema) for schema in self.schemas.values()])
        self.called: list[str] = []

    async def say(self, text: str) -> str:
        reply = await self.dialogue.say(text)
        while isinstance(reply, list):
            reply = await self.dialogue.answer(reply, *[await self.run(call) for call in reply])
        return reply

    async def run(self, call: ToolCall) -> str:
        """As AgentSession does: nulls become defaults, a ToolError its message."""
        arguments = json.loads(call.arguments)
        jsonschema.validate(arguments, self.schemas[call.name]["function"]["parameters"])
        self.called.append(call.name)
        given = {name: value for name, value in arguments.items() if value is not None}
        try:
            result = await self.tools[call.name](**given)
        except ToolError as error:
            return error.message
        assert isinstance(result, str)
        return result


@pytest.fixture(params=[False, True], ids=["plain", "strict"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    made = Bench(is_strict=request.param)
    yield made
    await made.toolbox.aclose()


async def test_a_conversation(bench: Bench) -> None:
    turns = [
        ("what time is it", "It is 3:45 PM."),
        ("and in tokyo", "In Tokyo it is 11:45 PM."),
        ("set a pasta timer for ten minutes", "I set a pasta timer for 10 minutes."),
        ("how long is left", "You have 10 minutes on your pasta timer."),
        ("remind me to call my mum at half past seven", "I'll remind you to call your mum at 7:30 PM."),
        ("cancel it", "I cancelled your reminder to call your mum."),
        ("what is two plus to", "2 plus 2 is 4."),
        ("times three", "The result is 12."),
        ("remember that my keys are in the drawer", "I'll remember that your keys are in the drawer."),
        ("where are my keys", "Your keys are in the drawer."),
        ("twenty miles in kilometers", "20 miles is about 32.19 kilometers."),
        ("what about fifty", "50 miles is about 80.47 kilometers."),
        ("ten divided by zero", "Dividing by zero has no answer."),
        ("what time is it in narnia", "I don't know the time zone of narnia."),
        ("set a timer", "For how long?"),
        ("five minutes", "I set a timer for 5 minutes."),
        ("cancel all timers", "I cancelled your 5 minute timer and your pasta timer."),
        ("how long is left", "No timers or reminders are running."),
    ]
    for text, answer in turns:
        assert await bench.say(text) == answer


async def test_a_timer_set_by_voice_is_announced(bench: Bench) -> None:
    await bench.say("set a tea timer for three minutes")
    await bench.clock.advance(180)
    assert bench.said == ["Your tea timer is done."]


async def test_every_template_that_has_a_tool_ends_in_a_call_that_fits(bench: Bench) -> None:
    wrong = []
    for intent, sentence in examples(700, seed=3):
        if intent not in TOOLS or sentence == "forget that":  # leans on what was said before
            continue
        del bench.dialogue.messages[1:]
        bench.called.clear()
        reply = await bench.say(sentence)
        if not bench.called or not reply:
            wrong.append((intent, sentence, reply))
        if len(bench.toolbox.timers.running) > 10:
            await bench.toolbox.aclose()
    assert wrong == []
