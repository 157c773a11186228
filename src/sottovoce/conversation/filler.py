"""A short word for the user who waits: that the question was heard, and that the answer takes a moment.

It is no part of the reply: neither in its words nor in the history, and interrupted like it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing

from livekit.agents import APIError

from sottovoce.audio.playout import Playout
from sottovoce.conversation.adapters.tts import ServiceTTS
from sottovoce.conversation.reply import Reply
from sottovoce.conversation.turn import Clock

logger = logging.getLogger(__name__)

FILLER_SILENCE = 2.5
"""Seconds after the user's last word without a word of the reply: longer than any usual turn, shorter than it
takes to wonder whether anybody is there."""

WORDS = {
    "ar": "لحظة من فضلك.",
    "cs": "Okamžik, prosím.",
    "da": "Et øjeblik.",
    "de": "Einen Moment.",
    "el": "Μια στιγμή.",
    "en": "One moment.",
    "es": "Un momento.",
    "fi": "Hetkinen.",
    "fr": "Un instant.",
    "hi": "एक क्षण।",
    "hu": "Egy pillanat.",
    "it": "Un momento.",
    "ja": "少々お待ちください。",
    "ko": "잠시만요.",
    "nb": "Et øyeblikk.",
    "nl": "Een ogenblik.",
    "no": "Et øyeblikk.",
    "pl": "Chwileczkę.",
    "pt": "Um momento.",
    "ro": "O clipă.",
    "ru": "Одну минуту.",
    "sv": "Ett ögonblick.",
    "tr": "Bir dakika.",
    "uk": "Хвилинку.",
    "vi": "Xin chờ một chút.",
    "zh": "请稍等。",
}
"""By language; who speaks another one, or one that nobody knows, hears English."""


class Filler:
    """At most one for each reply that is spoken."""

    def __init__(self, voice: ServiceTTS, playout: Playout, language: Callable[[], str], now: Clock) -> None:
        """`language` is a tag such as "de" or "pt-BR", "" where it is not known."""
        self._voice = voice
        self._playout = playout
        self._language = language
        self._now = now
        self._task: asyncio.Task[None] | None = None

    def await_words(self, reply: Reply) -> None:
        """Say it when `reply` has no word after the silence."""
        self.stop()
        if reply.plan.modality == "audio" and reply.plan.is_in_conversation:
            self._task = asyncio.create_task(self._wait(reply), name="filler")

    def stop(self) -> None:
        """It is not wanted any more. Idempotent."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._playout.drop_filler()

    async def _wait(self, reply: Reply) -> None:
        spoke = reply.turn.speech_ended if reply.turn is not None else None
        waited = 0.0 if spoke is None else self._now() - spoke
        await asyncio.sleep(max(0.0, FILLER_SILENCE - waited))
        if not _is_silent(reply):
            return
        try:
            sound = await self._spoken(reply)
        except APIError as error:
            logger.info("there is no word to bridge the wait with: %s", type(error).__name__)
            return
        if _is_silent(reply):
            self._playout.fill(sound, reply.response_id, reply.item_id)

    async def _spoken(self, reply: Reply) -> bytes:
        language = self._language().partition("-")[0].lower()
        words = WORDS.get(language, WORDS["en"])
        async with aclosing(self._voice.sound(words, reply.plan.voice, reply.plan.speed)) as chunks:
            return b"".join([chunk async for chunk in chunks])


def _is_silent(reply: Reply) -> bool:
    """Nothing of it is heard, and nothing is about to be."""
    has_begun = any(generation.first_token is not None for generation in reply.generations)
    return not (
        has_begun or reply.is_playing or reply.generated or reply.is_closed or reply.handle.interrupted
    )
