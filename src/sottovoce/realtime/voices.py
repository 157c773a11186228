"""The voices that clients may choose: those that the engines have now, which others may have tomorrow."""

from __future__ import annotations

from typing import Protocol

from sottovoce.realtime.audio_config import OPENAI_VOICES


class Voices(Protocol):
    def __call__(self) -> frozenset[str]:
        """Their names, as far as they are known now."""

    async def learn(self) -> None:
        """Ask engines that are new for theirs. Never raises, never takes long."""


class CommonVoices:
    """Those that every engine has, by OpenAI's names."""

    def __call__(self) -> frozenset[str]:
        return OPENAI_VOICES

    async def learn(self) -> None:
        pass


COMMON_VOICES = CommonVoices()
