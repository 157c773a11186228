"""Server events of one response, in the order in which they are sent."""

from __future__ import annotations

from typing import Literal, TypeAlias

from sottovoce.realtime.audio_config import AudioFormat
from sottovoce.realtime.events.base import OrAbsent, ServerEvent, Wire
from sottovoce.realtime.events.items import Item

ResponseStatus: TypeAlias = Literal["in_progress", "completed", "cancelled", "incomplete", "failed"]


class ResponseError(Wire):
    type: str
    code: str
    message: str


class StatusDetails(Wire):
    type: Literal["cancelled", "incomplete", "failed"]
    reason: OrAbsent[Literal["turn_detected", "client_cancelled", "max_output_tokens"]] = None
    error: OrAbsent[ResponseError] = None


class CachedTokens(Wire):
    text_tokens: int = 0
    audio_tokens: int = 0
    image_tokens: int = 0


class InputTokens(Wire):
    text_tokens: int
    audio_tokens: int = 0
    image_tokens: int = 0
    cached_tokens: int = 0
    cached_tokens_details: CachedTokens = CachedTokens()


class OutputTokens(Wire):
    text_tokens: int
    audio_tokens: int = 0


class ResponseUsage(Wire):
    """Tokens of the language model, which reads and writes text whatever the session hears and says."""

    total_tokens: int
    input_tokens: int
    output_tokens: int
    input_token_details: InputTokens
    output_token_details: OutputTokens


class ResponseVoice(Wire):
    format: AudioFormat
    voice: str


class ResponseAudio(Wire):
    output: ResponseVoice


class ResponseObject(Wire):
    object: Literal["realtime.response"] = "realtime.response"
    id: str
    conversation_id: str | None
    status: ResponseStatus
    status_details: StatusDetails | None = None
    output: tuple[Item, ...] = ()
    output_modalities: tuple[Literal["audio", "text"], ...]
    audio: ResponseAudio
    max_output_tokens: int | Literal["inf"] = "inf"
    metadata: dict[str, str] | None = None
    usage: ResponseUsage | None = None


class ResponseCreated(ServerEvent):
    type: Literal["response.created"] = "response.created"
    response: ResponseObject


class ResponseDone(ServerEvent):
    """Ends every response, whatever became of it, exactly once."""

    type: Literal["response.done"] = "response.done"
    response: ResponseObject


class OutputItemAdded(ServerEvent):
    type: Literal["response.output_item.added"] = "response.output_item.added"
    response_id: str
    output_index: int = 0
    item: Item


class OutputItemDone(ServerEvent):
    type: Literal["response.output_item.done"] = "response.output_item.done"
    response_id: str
    output_index: int = 0
    item: Item


class PartEvent(ServerEvent):
    """What the events of one content part share: where it stands."""

    response_id: str
    item_id: str
    output_index: int = 0
    content_index: int = 0


class AudioPart(Wire):
    """Parts are of type `audio` where the item's content says `output_audio`."""

    type: Literal["audio"] = "audio"
    transcript: str


class TextPart(Wire):
    """Parts are of type `text` where the item's content says `output_text`."""

    type: Literal["text"] = "text"
    text: str


class ContentPartAdded(PartEvent):
    type: Literal["response.content_part.added"] = "response.content_part.added"
    part: AudioPart | TextPart


class ContentPartDone(PartEvent):
    type: Literal["response.content_part.done"] = "response.content_part.done"
    part: AudioPart | TextPart


class AudioTranscriptDelta(PartEvent):
    type: Literal["response.output_audio_transcript.delta"] = "response.output_audio_transcript.delta"
    delta: str


class AudioTranscriptDone(PartEvent):
    type: Literal["response.output_audio_transcript.done"] = "response.output_audio_transcript.done"
    transcript: str


class TextDelta(PartEvent):
    type: Literal["response.output_text.delta"] = "response.output_text.delta"
    delta: str


class TextDone(PartEvent):
    type: Literal["response.output_text.done"] = "response.output_text.done"
    text: str


class AudioDelta(PartEvent):
    """`delta` is base64 in the session's output format."""

    type: Literal["response.output_audio.delta"] = "response.output_audio.delta"
    delta: str


class AudioDone(PartEvent):
    type: Literal["response.output_audio.done"] = "response.output_audio.done"


class CallEvent(ServerEvent):
    """What the events of one function call share: where it stands, and what its answer must name."""

    response_id: str
    item_id: str
    output_index: int = 0
    call_id: str


class ArgumentsDelta(CallEvent):
    type: Literal["response.function_call_arguments.delta"] = "response.function_call_arguments.delta"
    delta: str


class ArgumentsDone(CallEvent):
    type: Literal["response.function_call_arguments.done"] = "response.function_call_arguments.done"
    name: str
    arguments: str
