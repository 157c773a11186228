"""What a model with a small context is shown of a long conversation."""

from __future__ import annotations

import pytest
from livekit.agents import llm
from livekit.agents.voice.generation import INSTRUCTIONS_MESSAGE_ID

from sottovoce.conversation.window import FULL, KEPT, TOKENS_PER_CHARACTER, Window

CONTEXT = 1000


def message(role: llm.ChatRole, name: str, length: int) -> llm.ChatMessage:
    return llm.ChatMessage(id=name, role=role, content=[name.ljust(length, ".")])


INSTRUCTIONS = message("system", INSTRUCTIONS_MESSAGE_ID, 300)


def conversation(turns: int, length: int = 90) -> list[llm.ChatItem]:
    items: list[llm.ChatItem] = [INSTRUCTIONS]
    for turn in range(turns):
        items += [message("user", f"u{turn}", length), message("assistant", f"a{turn}", length)]
    return items


def ids(items: list[llm.ChatItem]) -> list[str]:
    return [item.id for item in items]


def tokens(items: list[llm.ChatItem]) -> float:
    return sum(len(item.text_content or "") for item in items if isinstance(item, llm.ChatMessage)) / 3


def test_a_short_conversation_is_shown_whole() -> None:
    items = conversation(10)
    assert tokens(items) < FULL * CONTEXT
    assert Window().fit(items, 0, CONTEXT) == items


def test_a_long_one_loses_its_oldest_turns_in_one_step_and_grows_on_behind_the_same_beginning() -> None:
    window, beginnings = Window(), []
    for turns in range(1, 60):
        items = conversation(turns)
        shown = window.fit(items, 0, CONTEXT)
        assert tokens(shown) <= FULL * CONTEXT
        assert shown[0].id == INSTRUCTIONS_MESSAGE_ID
        assert shown[-1] is items[-1]
        assert shown[1].id.startswith("u")  # whole turns
        beginnings.append(shown[1].id)
    cuts = [turn for turn in range(1, len(beginnings)) if beginnings[turn] != beginnings[turn - 1]]
    assert len(cuts) in range(8, 16)  # one miss of the cache for several turns
    after = [Window().fit(conversation(60), 0, CONTEXT)]
    assert tokens(after[0]) <= KEPT * CONTEXT


def test_a_call_and_its_result_leave_with_their_turn() -> None:
    call = llm.FunctionCall(id="c", call_id="call", name="time", arguments="{}")
    output = llm.FunctionCallOutput(id="o", call_id="call", output="noon", is_error=False)
    first: list[llm.ChatItem] = [message("user", "u", 90), call, output, message("assistant", "a", 900)]
    items = [INSTRUCTIONS, *first, *conversation(6, 100)[1:]]
    shown = ids(Window().fit(items, 0, CONTEXT))
    assert not {"u", "c", "o", "a"} & set(shown)


def test_the_last_turn_is_never_cut() -> None:
    items = [INSTRUCTIONS, message("user", "old", 10), message("user", "long", 9000)]
    assert ids(Window().fit(items, 0, CONTEXT)) == [INSTRUCTIONS_MESSAGE_ID, "long"]


def test_tools_count() -> None:
    items = conversation(10)
    assert len(Window().fit(items, 600, CONTEXT)) < len(items)


def test_what_the_model_counts_is_believed_within_bounds() -> None:
    window, items = Window(), conversation(10)
    size = sum(len(item.text_content or "") for item in items if isinstance(item, llm.ChatMessage))
    window.counted(items, 100, (size + 100) // 5)
    assert window.tokens_per_character == pytest.approx(0.2, abs=0.01)
    window.counted(items, 0, 10**9)
    assert window.tokens_per_character == 2.0
    window.counted([], 0, 5)
    window.counted(items, 0, 0)
    assert window.tokens_per_character == 2.0


@pytest.mark.parametrize("context", [None, CONTEXT])
def test_after_an_overflow_less_is_shown_and_that_stays(context: int | None) -> None:
    window, items = Window(), conversation(12)
    assert window.overflowed(items, 0, context)
    shown = window.shown(items)
    assert tokens(shown) <= max(tokens(items), CONTEXT) * 0.25 + 100
    more = [*items, message("user", "next", 10)]
    assert window.shown(more)[1].id == shown[1].id


def test_where_there_is_but_one_turn_nothing_can_be_done() -> None:
    assert not Window().overflowed([INSTRUCTIONS, message("user", "u", 9000)], 0, CONTEXT)


def test_an_overflow_always_cuts_something() -> None:
    window, items = Window(tokens_per_character=TOKENS_PER_CHARACTER / 100), conversation(3)
    assert window.overflowed(items, 0, CONTEXT)
    assert len(window.shown(items)) < len(items)


def test_a_beginning_that_was_deleted_is_found_anew() -> None:
    window, items = Window(), conversation(20)
    window.fit(items, 0, CONTEXT)
    rest = [item for item in items if item.id != window.first]
    shown = window.fit(rest, 0, CONTEXT)
    assert tokens(shown) <= FULL * CONTEXT
