"""What `response.create` asks of the conversation, read against the session's configuration."""

from __future__ import annotations

from typing import Final, Literal

from sottovoce.conversation.history import HistoryItem
from sottovoce.conversation.options import ReplyOptions
from sottovoce.ids import NewId
from sottovoce.realtime import tools_config
from sottovoce.realtime.commands import Respond
from sottovoce.realtime.drafts import draft, remembered
from sottovoce.realtime.events.client import ResponseCreate, ResponseParams
from sottovoce.realtime.events.client_items import AnyInputItem, ItemReference, McpItem
from sottovoce.realtime.items import Items
from sottovoce.realtime.requests import Unsettled, find
from sottovoce.realtime.session_config import SessionConfig, check_voice_name

MOST_TOKENS: Final = 4096
"""What "inf" means to a reply whose session has a limit: the most that clients may name."""


def respond(
    event: ResponseCreate, config: SessionConfig, items: Items, voices: frozenset[str], new_id: NewId
) -> Respond:
    """Raises `InvalidRequestError`, and `Unsettled` while something that is to be read is not known yet."""
    params = event.response or ResponseParams()
    _check(params, config, voices)
    options = ReplyOptions(
        instructions=params.instructions,
        modality=params.output_modalities[0] if params.output_modalities else None,
        tools=None if params.tools is None else tools_config.client_tools(params.tools),
        tool_choice=None if params.tool_choice is None else tools_config.choice(params.tool_choice),
        max_output_tokens=_tokens(params.max_output_tokens, config.max_output_tokens),
        voice=params.audio.output.voice,
        history=None if params.input is None else _history(params.input, config, items, new_id),
        is_in_conversation=params.conversation == "auto",
    )
    return Respond(new_id("resp"), options, params, event_id=event.event_id)


def _check(params: ResponseParams, config: SessionConfig, voices: frozenset[str]) -> None:
    tools = config.tools if params.tools is None else params.tools
    tools_config.check_choice(params.tool_choice or config.tool_choice, tools, "response.tool_choice")
    if params.audio.output.voice is not None:
        check_voice_name(params.audio.output.voice, voices, "response.audio.output.voice")


def _tokens(asked: int | Literal["inf"] | None, usual: int | Literal["inf"]) -> int | None:
    if asked == "inf":
        return None if usual == "inf" else MOST_TOKENS
    return asked


def _history(
    given: tuple[AnyInputItem, ...], config: SessionConfig, items: Items, new_id: NewId
) -> tuple[HistoryItem, ...]:
    history: list[HistoryItem] = []
    for at, item in enumerate(given):
        assert not isinstance(item, McpItem)  # refused when it was read
        if isinstance(item, ItemReference):
            history.append(_referred(item, items, f"response.input.{at}.id"))
        else:
            history += draft(item, new_id, config.audio.input.format).history
    return tuple(history)


def _referred(reference: ItemReference, items: Items, param: str) -> HistoryItem:
    entry = find(reference.id, items, "item_reference_invalid_item_id", param)
    if entry.untold or not entry.is_settled:
        raise Unsettled
    return remembered(entry.item)
