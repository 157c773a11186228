"""Whole conversations with the engine: answers, tools, limits."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any

import jsonschema
import pytest

from sottovoce.engines.llm.base import Finish, ReplyRequest, TextChunk
from sottovoce.engines.llm.chat import Message
from sottovoce.engines.llm.rules.replies import HINT
from sottovoce.errors import InvalidRequestError
from tests.unit.engines.llm.rules.dialogue import Dialogue, called, named, tool

WEATHER = tool(
    "get_weather",
    {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            "days": {"type": "integer", "default": 1},
        },
        "required": ["city"],
    },
    "Get the weather forecast for a city.",
)
LIGHT = tool(
    "set_light",
    {
        "type": "object",
        "properties": {"room": {"enum": ["kitchen", "bedroom"]}, "is_on": {"type": "boolean"}},
        "required": ["room", "is_on"],
    },
    "Switch the light in a room on or off.",
)
TIMER = tool(
    "set_timer",
    {
        "type": "object",
        "properties": {"duration": {"type": "string"}, "label": {"type": ["string", "null"]}},
        "required": ["duration", "label"],
        "additionalProperties": False,
    },
    "Set a timer.",
)


@pytest.mark.parametrize(
    ("texts", "answer"),
    [
        (["what time is it in tokyo"], "In Tokyo it is 11:45 PM."),
        (["what time is it in narnia"], "I don't know the time zone of narnia."),
        (["what's the date next friday"], "Next Friday is the 27th of November 2026."),
        (["what day is the thirtieth of february"], "I don't know which day the 30th of february is."),
        (["how many days until christmas"], "Christmas is in 33 days, on Friday, the 25th of December 2026."),
        (["what is two plus to"], "2 plus 2 is 4."),
        (["what is five plus seven", "times two"], "The result is 24."),
        (["ten divided by zero"], "Dividing by zero has no answer."),
        (["how many feet in a mile"], "1 mile is 5280 feet."),
        (["convert three kilos to miles"], "Kilograms and miles don't measure the same thing."),
        (["how do you spell tea"], "Tea: T, E, A."),
        (["count to five"], "One, two, three, four, five."),
        (["count down from three"], "Three, two, one."),
        (["count to nine hundred"], "That would take too long. I count at most 100 numbers."),
        (["roll fifty dice"], "I can roll between 1 and 20 dice at once."),
        (["good evening"], "Good evening! How can I help?"),
        (["can you hear me"], "Yes, I can hear you. What can I do for you?"),
        (["say hello world"], "Hello world."),
        (["what time is it in tokyo", "repeat that"], "In Tokyo it is 11:45 PM."),
        (["what did you say"], "I haven't said anything yet."),
        (["set a timer"], "For how long?"),
        (["remind me to call mum"], "When should I remind you?"),
        (["my keys are in the drawer", "where are my keys"], "Your keys are in the drawer."),
        (["my name is anna", "my name is bob", "what is my name"], "Your name is Bob."),
        (
            ["my name is anna", "forget my name", "what is my name"],
            "You haven't told me anything to remember yet.",
        ),
        (["the dentist is on friday", "where are my keys"], "You haven't told me anything to remember yet."),
        (
            ["remember that the dentist is on friday", "when do i see the dentist"],
            "The dentist is on friday.",
        ),
        (
            ["set a timer for five minutes"],
            "I can't set timers or reminders in this conversation: I was given no tool for them.",
        ),
        (["what is the weather like"], "I don't know the weather: I have no connection to the internet."),
    ],
)
async def test_it_answers_by_itself_where_no_tools_are_offered(texts: list[str], answer: str) -> None:
    dialogue = Dialogue()
    for text in texts:
        reply = await dialogue.say(text)
    assert reply == answer


async def test_what_it_cannot_do_comes_with_the_cure_once() -> None:
    dialogue = Dialogue()
    assert HINT in str(await dialogue.say("who wrote hamlet"))
    for question in ("what is the meaning of life", "why is the sky blue", "how tall is mount everest"):
        reply = str(await dialogue.say(question))
        assert reply
        assert HINT not in reply
    assert HINT in str(await dialogue.say("how do i install a model"))


async def test_jokes_are_not_repeated() -> None:
    dialogue = Dialogue()
    jokes = [await dialogue.say("tell me a joke"), *[await dialogue.say("another one") for _ in range(9)]]
    assert len(set(map(str, jokes))) == 10


async def test_ready_replies_vary() -> None:
    dialogue = Dialogue()
    replies = [str(await dialogue.say("thank you")) for _ in range(6)]
    assert all(first != second for first, second in itertools.pairwise(replies))


async def test_no_reply_has_line_breaks_or_markup() -> None:
    dialogue = Dialogue()
    for text in (
        "what can you do",
        "who are you",
        "is this private",
        "i am sad",
        "you are stupid",
        "how are you",
    ):
        reply = str(await dialogue.say(text))
        assert not set("\n*_#`[") & set(reply), reply


async def test_a_seed_decides_what_chance_gives() -> None:
    first, second = [await Dialogue().say("roll twenty dice", seed=5) for _ in range(2)]
    assert first == second != await Dialogue().say("roll twenty dice", seed=6)


# tools


async def test_an_own_tool_is_called_and_its_result_said() -> None:
    dialogue = Dialogue([WEATHER, TIMER])
    calls = await dialogue.say("set a pasta timer for ten minutes")
    assert called(calls) == ("set_timer", {"duration": "10 minutes", "label": "pasta"})
    assert isinstance(calls, list)
    assert dialogue.finish is not None
    assert dialogue.finish.reason == "tool_calls"
    assert (
        await dialogue.answer(calls, "I set a pasta timer for 10 minutes.")
        == "I set a pasta timer for 10 minutes."
    )
    assert dialogue.finish.reason == "stop"


async def test_a_strict_schema_gets_all_its_fields() -> None:
    reply = await Dialogue([TIMER]).say("set a timer for ten minutes")
    assert called(reply) == ("set_timer", {"duration": "10 minutes", "label": None})


async def test_an_own_name_with_other_arguments_is_filled_by_its_schema() -> None:
    parameters = {"type": "object", "properties": {"minutes": {"type": "integer"}}, "required": ["minutes"]}
    reply = await Dialogue([tool("set_timer", parameters, "Set a timer.")]).say("set a timer for ten minutes")
    assert called(reply) == ("set_timer", {"minutes": 10})


async def test_what_is_missing_is_asked_before_the_own_tool_is_called() -> None:
    dialogue = Dialogue([TIMER])
    assert await dialogue.say("set a timer") == "For how long?"
    assert called(await dialogue.say("ten minutes"))[1]["duration"] == "10 minutes"


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("what's the weather in Paris", ("get_weather", {"city": "Paris"})),
        (
            "weather forecast for new york in fahrenheit",
            ("get_weather", {"city": "New York", "unit": "fahrenheit"}),
        ),
        ("turn off the light in the kitchen", ("set_light", {"room": "kitchen", "is_on": False})),
        ("switch the bedroom light on", ("set_light", {"room": "bedroom", "is_on": True})),
    ],
)
async def test_auto_calls_a_clients_tool_that_is_spoken_of(
    text: str, call: tuple[str, dict[str, Any]]
) -> None:
    assert called(await Dialogue([WEATHER, LIGHT, TIMER]).say(text)) == call


@pytest.mark.parametrize(
    "text", ["hello", "what time is it", "thank you", "count to five", "who wrote hamlet", "tell me a joke"]
)
async def test_auto_leaves_other_talk_alone(text: str) -> None:
    assert isinstance(await Dialogue([WEATHER, LIGHT, TIMER]).say(text), str)


async def test_auto_asks_for_a_missing_argument_and_goes_on() -> None:
    dialogue = Dialogue([LIGHT])
    assert await dialogue.say("turn on the light") == "I need to know one more thing for that: the room?"
    assert called(await dialogue.say("the kitchen")) == ("set_light", {"room": "kitchen", "is_on": True})


async def test_nobody_is_asked_for_a_unit() -> None:
    parameters = {
        "type": "object",
        "properties": {"location": {"type": "string"}, "unit": {"enum": ["celsius", "fahrenheit"]}},
        "required": ["location", "unit"],
    }
    dialogue = Dialogue([tool("get_current_weather", parameters, "Get the weather in a location.")])
    arguments = {"location": "Boston", "unit": "celsius"}
    assert called(await dialogue.say("What is the weather in Boston?"))[1] == arguments


async def test_a_request_is_varied_by_what_follows() -> None:
    dialogue = Dialogue([WEATHER])
    calls = await dialogue.say("what's the weather in Paris in fahrenheit")
    assert isinstance(calls, list)
    await dialogue.answer(calls, "Sunny.")
    again = await dialogue.say("And in London?")
    assert called(again) == ("get_weather", {"city": "London", "unit": "fahrenheit"})
    assert isinstance(again, list)
    await dialogue.answer(again, "Rainy.")
    assert called(await dialogue.say("what about New York"))[1]["city"] == "New York"


@pytest.mark.parametrize("text", ["thank you", "and you", "what about it", "and then", "hello"])
async def test_other_talk_after_a_call_does_not_call_again(text: str) -> None:
    dialogue = Dialogue([WEATHER])
    calls = await dialogue.say("what's the weather in Paris")
    assert isinstance(calls, list)
    await dialogue.answer(calls, "Sunny.")
    assert isinstance(await dialogue.say(text), str)


async def test_a_client_s_tool_named_as_ours_is_called_for_what_it_does() -> None:
    parameters = {"type": "object", "properties": {"timezone": {"type": "string"}}, "required": ["timezone"]}
    reply = await Dialogue([tool("get_time", parameters)]).say("what time is it in Tokyo")
    assert called(reply) == ("get_time", {"timezone": "Tokyo"})


async def test_none_never_calls() -> None:
    dialogue = Dialogue([TIMER, WEATHER])
    reply = await dialogue.say("set a timer for ten minutes", "none")
    assert reply == "I can't set timers or reminders in this conversation: I was given no tool for them."


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("hello", "get_weather"),
        ("set a timer for ten minutes", "set_timer"),
        ("it is dark in the kitchen", "set_light"),
    ],
)
async def test_required_always_calls(text: str, name: str) -> None:
    made, arguments = called(await Dialogue([WEATHER, LIGHT, TIMER]).say(text, "required"))
    assert made == name
    parameters = next(one.function.parameters for one in (WEATHER, LIGHT, TIMER) if one.function.name == name)
    jsonschema.validate(arguments, parameters or {})


@pytest.mark.parametrize(
    "text", ["hello", "", "what time is it", "Berlin please", "set a timer for ten minutes"]
)
async def test_a_named_tool_is_called_whatever_was_said(text: str) -> None:
    name, arguments = called(await Dialogue([LIGHT, WEATHER, TIMER]).say(text, named("get_weather")))
    assert name == "get_weather"
    jsonschema.validate(arguments, WEATHER.function.parameters or {})


async def test_a_tool_without_parameters_is_called_with_an_empty_object() -> None:
    assert called(await Dialogue([tool("ping")]).say("ping", "required")) == ("ping", {})


async def test_asking_for_a_tool_that_is_not_there_is_an_error() -> None:
    with pytest.raises(InvalidRequestError, match="not among the tools"):
        await Dialogue([WEATHER]).say("hello", named("nothing"))
    with pytest.raises(InvalidRequestError, match="no tools"):
        await Dialogue().say("hello", "required")


async def test_a_foreign_result_is_put_into_words() -> None:
    dialogue = Dialogue([WEATHER])
    calls = await dialogue.say("what's the weather in paris")
    assert isinstance(calls, list)
    said = await dialogue.answer(calls, json.dumps({"temperature": 21, "condition": "sunny"}))
    assert said == "The temperature is 21 and the condition is sunny."


async def test_several_results_are_said_together() -> None:
    dialogue = Dialogue([WEATHER])
    calls = await dialogue.say("what's the weather in paris")
    assert isinstance(calls, list)
    assert (
        await dialogue.answer([*calls, *calls], "Sunny in Paris.", "Rain in Rome.")
        == "Sunny in Paris. Rain in Rome."
    )


async def test_calls_have_ids_of_their_own() -> None:
    dialogue = Dialogue([TIMER])
    replies = [await dialogue.say("set a timer for ten minutes") for _ in range(3)]
    ids = {reply[0].id for reply in replies if isinstance(reply, list)}
    assert len(ids) == 3


# instructions


@pytest.mark.parametrize(
    ("instructions", "said"),
    [
        ("Greet the user and offer your help.", "Hello! How can I help?"),
        ('Say: "Welcome back, Anna."', "Welcome back, Anna."),
        ("", "Hello! How can I help?"),
    ],
)
async def test_it_can_speak_first(instructions: str, said: str) -> None:
    assert await Dialogue(instructions=instructions).go_on() == said


async def test_instructions_after_the_users_last_word_are_followed() -> None:
    dialogue = Dialogue()
    await dialogue.say("hello")
    dialogue.messages.append(Message(role="developer", content="Say “Time for a break.” now"))
    assert await dialogue.go_on() == "Time for a break."


async def test_instructions_before_a_question_do_not_answer_it() -> None:
    assert (
        await Dialogue(instructions='Always say "banana" first.').say("what time is it") == "It is 3:45 PM."
    )


# form


async def test_the_first_chunk_is_a_short_clause() -> None:
    dialogue = Dialogue()
    await dialogue.say("count to forty")
    assert dialogue.chunks[0] == "One, "
    assert dialogue.chunks[-1].endswith("forty.")


async def test_max_tokens_cut_the_text() -> None:
    dialogue = Dialogue()
    assert await dialogue.say("count to forty", max_tokens=3) == "One, two"
    assert dialogue.finish == Finish("length", dialogue.finish.prompt_tokens if dialogue.finish else 0, 3)


async def test_a_stop_sequence_ends_the_text_before_it() -> None:
    dialogue = Dialogue()
    assert await dialogue.say("count to forty", stop=("nothing", ", three")) == "One, two"
    assert dialogue.finish is not None
    assert dialogue.finish.reason == "stop"


async def test_usage_counts_what_was_sent_and_said() -> None:
    dialogue = Dialogue(instructions="Be brief.")
    await dialogue.say("what is two plus two")
    assert dialogue.finish == Finish("stop", 3 + 3 + 3 + 5, 6)


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ({}, "what is two plus two", {"answer": "2 plus 2 is 4."}),
        (
            {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]},
            "what is two plus two",
            {"answer": "2 plus 2 is 4."},
        ),
        (
            {
                "type": "object",
                "properties": {"color": {"enum": ["red", "blue"]}, "count": {"type": "integer"}},
                "required": ["color", "count"],
            },
            "i want seven blue ones",
            {"color": "blue", "count": 7},
        ),
    ],
)
async def test_a_wanted_json_form_is_filled(schema: dict[str, Any], text: str, value: dict[str, Any]) -> None:
    reply = str(await Dialogue().say(text, json_schema=schema))
    assert json.loads(reply) == value
    jsonschema.validate(json.loads(reply), schema)


FORM = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}


async def test_a_tool_goes_before_the_json_form_and_its_result_into_it() -> None:
    dialogue = Dialogue([WEATHER])
    calls = await dialogue.say("what's the weather in Paris", json_schema=FORM)
    assert called(calls)[0] == "get_weather"
    assert isinstance(calls, list)
    dialogue.messages.append(Message(role="tool", tool_call_id=calls[0].id, content="Sunny."))
    assert json.loads(str(await dialogue.go_on(json_schema=FORM))) == {"answer": "Sunny."}


async def test_a_question_for_an_argument_would_break_the_json_form() -> None:
    reply = await Dialogue([LIGHT]).say("turn on the light", json_schema=FORM)
    assert set(json.loads(str(reply))) == {"answer"}


async def test_a_reply_can_be_left_at_any_chunk() -> None:
    dialogue = Dialogue()
    request = ReplyRequest((Message(role="user", content="count to forty"),))
    reply = dialogue.responder.respond(request)
    assert await anext(reply) == TextChunk("One, ")
    await reply.aclose()


async def test_a_cancelled_reply_ends() -> None:
    dialogue = Dialogue()
    task = asyncio.create_task(dialogue.say("convert two miles to kilometers"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_loading_makes_it_ready() -> None:
    await Dialogue().responder.load()
