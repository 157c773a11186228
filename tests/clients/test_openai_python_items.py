"""openai-python: items of a conversation, tools, and responses with a will of their own."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest

from tests.clients.microphone import SPOKEN_QUESTION, speech
from tests.clients.openai_conversation import Conversation, is_in_order

QUESTION = "what is twelve times seven"
WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "description": "Get the weather of a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


@pytest.mark.parametrize("modality", ["text", "audio"])
async def test_a_tool_is_called_and_its_answer_told(talk: Conversation, modality: str) -> None:
    updated = await talk.configure(tools=[WEATHER], output_modalities=[modality])
    assert [tool.name for tool in updated.tools] == ["get_weather"]
    response = await talk.ask("what is the weather in Paris")
    assert response.status == "completed"
    (call,) = [item for item in response.output if item.type == "function_call"]
    assert (call.name, json.loads(call.arguments), call.status) == (
        "get_weather",
        {"city": "Paris"},
        "completed",
    )
    (done,) = talk.all("response.function_call_arguments.done")
    assert (done.call_id, done.name, done.arguments) == (call.call_id, call.name, call.arguments)
    deltas = talk.all("response.function_call_arguments.delta")
    assert "".join(delta.delta for delta in deltas) == call.arguments
    added = talk.all("conversation.item.added")[-1].item
    assert (added.type, added.call_id, added.arguments) == ("function_call", call.call_id, "")
    assert is_in_order(
        talk.types,
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    )
    await talk.connection.conversation.item.create(
        item={
            "type": "function_call_output",
            "call_id": call.call_id,
            "output": json.dumps({"temperature": 21, "sky": "sunny"}),
        }
    )
    await talk.expect("conversation.item.done")
    assert len(talk.all("response.created")) == 1
    await talk.connection.response.create()
    told = (await talk.expect("response.done")).response
    (part,) = told.output[0].content
    assert "sunny" in (part.text or part.transcript)


async def test_a_tool_can_be_asked_for_aloud(talk: Conversation) -> None:
    coin: Any = {
        "type": "function",
        "name": "flip_coin",
        "description": "Flip a coin",
        "parameters": {"type": "object", "properties": {}},
    }
    await talk.configure(tools=[coin], tool_choice="required")
    async with talk.microphone() as microphone:
        microphone.say("dialogue-flip-a-coin-slt")
        response = (await talk.expect("response.done")).response
    (call,) = [item for item in response.output if item.type == "function_call"]
    assert call.name == "flip_coin"


async def test_items_are_created_in_the_middle_retrieved_and_deleted(talk: Conversation) -> None:
    items = talk.connection.conversation.item
    for name, after in (("item_b", None), ("item_c", None), ("item_a", "root"), ("item_b2", "item_b")):
        await items.create(
            item={
                "id": name,
                "type": "message",
                "role": "system",
                "content": [{"type": "input_text", "text": name}],
            },
            **({"previous_item_id": after} if after else {}),
        )
        assert (await talk.expect("conversation.item.added")).item.id == name
    before = {event.item.id: event.previous_item_id for event in talk.all("conversation.item.added")}
    assert before == {"item_b": None, "item_c": "item_b", "item_a": None, "item_b2": "item_b"}
    await items.retrieve(item_id="item_c")
    assert (await talk.expect("conversation.item.retrieved")).item.content[0].text == "item_c"
    await items.delete(item_id="item_c")
    assert (await talk.expect("conversation.item.deleted")).item_id == "item_c"
    await items.retrieve(item_id="item_c", event_id="gone")
    error = (await talk.expect("error")).error
    assert (error.code, error.event_id) == ("item_retrieve_invalid_item_id", "gone")
    again: Any = {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "c"}]}
    await items.create(item={"id": "item_c", **again})
    assert (await talk.expect("conversation.item.added")).item.id == "item_c"
    await items.create(item={"id": "item_c", **again}, event_id="twice")
    error = (await talk.expect("error")).error
    assert (error.code, error.event_id) == ("item_create_duplicate_item_id", "twice")


async def test_a_response_beside_the_conversation_leaves_no_trace(talk: Conversation) -> None:
    asked: Any = [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": QUESTION}]}]
    await talk.connection.response.create(
        response={
            "conversation": "none",
            "input": asked,
            "output_modalities": ["text"],
            "metadata": {"topic": "sums"},
        }
    )
    response = (await talk.expect("response.done")).response
    assert response.conversation_id is None
    assert response.metadata == {"topic": "sums"}
    assert "84" in response.output[0].content[0].text
    assert not talk.all("conversation.item.added")


async def test_a_recording_can_be_added_as_an_item(talk: Conversation) -> None:
    part: Any = {"type": "input_audio", "audio": b64encode(speech(SPOKEN_QUESTION)).decode()}
    await talk.connection.conversation.item.create(
        item={"type": "message", "role": "user", "content": [part]}
    )
    await talk.expect("conversation.item.added")
    await talk.connection.response.create(response={"output_modalities": ["text"]})
    response = (await talk.expect("response.done")).response
    assert "84" in response.output[0].content[0].text


async def test_one_response_may_have_settings_of_its_own(talk: Conversation) -> None:
    named: Any = {"type": "function", "name": "get_weather"}
    response = await talk.ask("good morning", tools=[WEATHER], tool_choice=named)
    assert [item.name for item in response.output if item.type == "function_call"] == ["get_weather"]
    assert (await talk.ask("what is the weather in Paris", output_modalities=["text"])).output[
        0
    ].type == "message"


async def test_a_reply_is_cut_at_its_tokens(talk: Conversation) -> None:
    response = await talk.ask("count to forty", output_modalities=["text"], max_output_tokens=5)
    assert response.status == "incomplete"
    assert response.status_details.reason == "max_output_tokens"
