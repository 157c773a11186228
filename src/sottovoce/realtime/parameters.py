"""What a session's configuration does here, field by field, for `/v1/models/{id}` to say."""

from __future__ import annotations

from typing import Final

HONOURED: Final = (
    "model",
    "output_modalities",
    "instructions",
    "tools",
    "tool_choice",
    "max_output_tokens",
    "truncation",
    "audio.input.format",
    "audio.input.turn_detection",
    "audio.input.transcription.language",
    "audio.input.transcription.languages",
    "audio.input.transcription.prompt",
    "audio.input.transcription.keywords",
    "audio.output.format",
    "audio.output.voice",
    "audio.output.speed",
)
"""Prompt and keywords are passed on to the recogniser, whose own model says what becomes of them."""

IGNORED: Final = (
    "parallel_tool_calls",
    "reasoning",
    "tracing",
    "audio.input.noise_reduction",
    "audio.input.transcription.model",
    "audio.input.transcription.delay",
)
"""Hints to OpenAI's own service: kept, shown, and of no effect. `prompt` and `include` are refused."""
