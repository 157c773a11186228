"""What a client wants to add to a conversation: as it is shown, and as the session's history holds it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from sottovoce.conversation.history import (
    FunctionCall,
    FunctionCallOutput,
    HistoryItem,
    Message,
    Role,
    SpokenMessage,
)
from sottovoce.errors import InvalidRequestError
from sottovoce.ids import NewId
from sottovoce.realtime.audio_config import G711Format, PcmFormat
from sottovoce.realtime.events import items as wire
from sottovoce.realtime.events.client_items import (
    ContentPart,
    GivenFunctionCall,
    GivenFunctionCallOutput,
    GivenMessage,
    InputAudioPart,
    InputTextPart,
    NewItem,
    OutputTextPart,
)
from sottovoce.realtime.input_audio import decode
from sottovoce.realtime.items import Entry, text_of


@dataclass(frozen=True, slots=True)
class Draft:
    """`pieces` are in the order of the content, each with the index of its (first) part."""

    item: wire.Item
    pieces: tuple[tuple[HistoryItem, int], ...]

    @property
    def history(self) -> tuple[HistoryItem, ...]:
        return tuple(piece for piece, _ in self.pieces)

    def entry(self) -> Entry:
        spoken = [(index, piece) for piece, index in self.pieces if isinstance(piece, SpokenMessage)]
        return Entry(
            self.item,
            pieces={piece.item_id: index for piece, index in self.pieces},
            untold={index: piece.audio.duration for index, piece in spoken},
        )


def draft(given: NewItem, new_id: NewId, form: PcmFormat | G711Format) -> Draft:
    """Raises `InvalidRequestError` for sound that is none. `form` is the format of sound in it."""
    item_id = given.id or new_id("item")
    match given:
        case GivenMessage():
            return _message(given, item_id, new_id, form)
        case GivenFunctionCall():
            call = FunctionCall(item_id, given.call_id or new_id("call"), given.name, given.arguments)
            return Draft(called(call), ((call, 0),))
        case GivenFunctionCallOutput():
            output = FunctionCallOutput(item_id, given.call_id, given.output)
            return Draft(_answered(output), ((output, 0),))


def called(call: FunctionCall) -> wire.FunctionCallItem:
    """`call` as it is shown once it is whole."""
    return wire.FunctionCallItem(
        id=call.item_id, status="completed", call_id=call.call_id, name=call.name, arguments=call.arguments
    )


def remembered(item: wire.Item) -> HistoryItem:
    """An item of the conversation as a history holds it."""
    if isinstance(item, wire.FunctionCallItem):
        return FunctionCall(item.id, item.call_id, item.name, item.arguments)
    if isinstance(item, wire.FunctionCallOutputItem):
        return FunctionCallOutput(item.id, item.call_id, item.output)
    return Message(item.id, item.role, text_of(item))


def _answered(output: FunctionCallOutput) -> wire.FunctionCallOutputItem:
    return wire.FunctionCallOutputItem(
        id=output.item_id, status="completed", call_id=output.call_id, output=output.output
    )


def _message(given: GivenMessage, item_id: str, new_id: NewId, form: PcmFormat | G711Format) -> Draft:
    content = tuple(_shown(part) for part in given.content)
    item = wire.MessageItem(id=item_id, status="completed", role=given.role, content=content)
    pieces: list[tuple[HistoryItem, int]] = []
    for is_sound, run in groupby(enumerate(given.content), key=lambda numbered: _has_sound(numbered[1])):
        parts = list(run)
        for group in [[part] for part in parts] if is_sound else [parts]:
            piece_id = new_id("item") if pieces else item_id
            pieces.append((_piece(piece_id, given.role, group, form), group[0][0]))
    return Draft(item, tuple(pieces))


def _piece(
    piece_id: str, role: Role, parts: list[tuple[int, ContentPart]], form: PcmFormat | G711Format
) -> HistoryItem:
    index, first = parts[0]
    if not isinstance(first, InputAudioPart) or first.audio is None:
        return Message(piece_id, role, "\n".join(_words(part) for _, part in parts))
    frame = decode(first.audio, form)
    if not frame.samples:
        raise InvalidRequestError("The audio is empty.", param=f"item.content.{index}.audio")
    return SpokenMessage(piece_id, frame)


def _has_sound(part: ContentPart) -> bool:
    return isinstance(part, InputAudioPart) and part.audio is not None


def _words(part: ContentPart) -> str:
    if isinstance(part, InputTextPart | OutputTextPart):
        return part.text
    return getattr(part, "transcript", None) or ""


def _shown(part: ContentPart) -> wire.Content:
    """The transcript of sound is shown when it was recognised, whatever the client thinks it is."""
    if isinstance(part, InputTextPart):
        return wire.InputText(text=part.text)
    if isinstance(part, OutputTextPart):
        return wire.OutputText(text=part.text)
    if isinstance(part, InputAudioPart):
        return wire.InputAudio(transcript=part.transcript if part.audio is None else None)
    return wire.OutputAudio(transcript=_words(part))
