from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from pydantic import BaseModel

from sottovoce.realtime.audio_config import Audio, AudioInput, AudioOutput, Transcription
from sottovoce.realtime.parameters import HONOURED, IGNORED
from sottovoce.realtime.session_config import SessionConfig

OPENED = {Audio, AudioInput, AudioOutput, Transcription}
"""Parts of which each field is named by itself."""


def paths(part: type[BaseModel], before: str = "") -> Iterator[str]:
    for name, field in part.model_fields.items():
        inner = next(
            (kind for kind in (field.annotation, *get_args(field.annotation)) if kind in OPENED), None
        )
        if inner is None:
            yield before + name
        else:
            yield from paths(inner, f"{before}{name}.")


def test_of_every_field_is_said_what_it_does() -> None:
    assert not set(HONOURED) & set(IGNORED)
    assert {*HONOURED, *IGNORED, "type", "prompt", "include"} == set(paths(SessionConfig))
