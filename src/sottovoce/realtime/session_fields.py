"""The lesser fields of a session: what is refused, what is a hint, what is a choice of words."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, JsonValue

from sottovoce.realtime.config_part import BY_SHAPE, OTHER, WORD, ConfigPart, Name, refuse

Modalities: TypeAlias = Annotated[
    tuple[Literal["audio", "text"], ...], Field(min_length=1, max_length=1, strict=False)
]
NoPrompt: TypeAlias = Annotated[
    None, refuse("Prompt templates live at OpenAI; send what this one says as `instructions`")
]
NoIncludes: TypeAlias = Annotated[
    tuple[str, ...], refuse("The recogniser knows no log probabilities; leave it out")
]


class Reasoning(ConfigPart):
    """A hint to models that can reason; kept and shown, of no effect on others."""

    effort: Name | None = None


class Tracing(ConfigPart):
    """Names for OpenAI's trace dashboard; kept and shown, for here nothing is sent anywhere."""

    workflow_name: Name | None = None
    group_id: Name | None = None
    metadata: Annotated[dict[Name, JsonValue], Field(max_length=16)] | None = None


class RetentionRatio(ConfigPart):
    """When the conversation is full, its oldest items go until this part of the limit is left."""

    type: Literal["retention_ratio"]
    retention_ratio: Annotated[float, Field(gt=0, le=1)]


AnyTracing: TypeAlias = Annotated[Annotated[Literal["auto"], WORD] | Annotated[Tracing, OTHER], BY_SHAPE]
Truncation: TypeAlias = Annotated[
    Annotated[Literal["auto"], WORD] | Annotated[RetentionRatio, OTHER], BY_SHAPE
]
