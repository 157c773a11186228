"""Which tool an utterance asks for."""

from __future__ import annotations

from typing import Any

import pytest

from sottovoce.engines.llm.chat import Tool
from sottovoce.engines.llm.rules.choosing import MIN_SCORE, best_tool, score


def tool(name: str, description: str = "", **properties: Any) -> Tool:
    parameters = {"type": "object", "properties": properties}
    return Tool.model_validate(
        {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}
    )


TOOLS = [
    tool("get_weather", "Get the weather forecast for a city.", city={"type": "string"}),
    tool(
        "set_light",
        "Switch a lamp on or off.",
        room={"enum": ["kitchen", "bedroom"]},
        state={"enum": ["on", "off"]},
    ),
    tool("playMusic", "Play a song, an artist or a genre.", genre={"type": "string"}),
    tool("search_web", "Look something up on the internet.", query={"type": "string"}),
    tool("order_pizza", "Order a pizza.", size={"enum": ["small", "large"]}),
    tool("add", "Add two numbers.", a={"type": "number"}, b={"type": "number"}),
    tool("transfer_to_agent", "Transfer the caller to a human."),
    tool("create_ticket", "Open a support ticket about a problem.", subject={"type": "string"}),
]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("what's the weather in paris", "get_weather"),
        ("how is the whether today", "get_weather"),
        ("is it raining in berlin", "get_weather"),
        ("what is the temperature in tokyo right now", "get_weather"),
        ("two plus three", "add"),
        ("what is 12 plus 30", "add"),
        ("i want to talk to a human agent", "transfer_to_agent"),
        ("turn off the light in the kitchen", "set_light"),
        ("switch the bedroom lamp on", "set_light"),
        ("play some music", "playMusic"),
        ("play a song by the beatles", "playMusic"),
        ("search the web for cheap flights", "search_web"),
        ("i want a large pizza", "order_pizza"),
        ("please open a ticket about my printer", "create_ticket"),
    ],
)
def test_the_tool_that_is_spoken_of_is_chosen(text: str, name: str) -> None:
    fit, chosen = best_tool(TOOLS, text)
    assert chosen.function.name == name
    assert fit >= MIN_SCORE


@pytest.mark.parametrize(
    "text", ["", "hello there", "who wrote hamlet", "what is the meaning of life", "thank you very much"]
)
def test_no_tool_is_chosen_for_other_talk(text: str) -> None:
    assert best_tool(TOOLS, text)[0] < MIN_SCORE


def test_the_first_of_equals_is_taken() -> None:
    assert best_tool([tool("a"), tool("b")], "hello")[1].function.name == "a"


def test_scores_stay_between_nothing_and_one() -> None:
    said = "switch set light kitchen on off".split()
    assert 0 <= score(TOOLS[1], said) <= 1
    assert score(tool("_"), ["x"]) == 0
