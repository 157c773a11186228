"""The stamps of one turn, from the user's last word to the first sound of the reply."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sottovoce.conversation.engines import Used
from sottovoce.conversation.events import Latency

Clock = Callable[[], float]
"""Wall-clock seconds."""


@dataclass
class Turn:
    """When what happened, in wall-clock seconds; None until it did."""

    item_id: str
    is_stopped: bool = False
    segments: int = 0
    """Segments of speech whose transcripts are still to come."""
    said: str = ""
    is_failed: bool = False
    """A segment of it could not be transcribed."""
    shown: str = ""
    """The interim transcript as shown; it only grows."""
    shown_before: str = ""
    speech_ended: float | None = None
    pause_seen: float | None = None
    transcribed: float | None = None
    committed: float | None = None
    llm_asked: float | None = None
    first_token: float | None = None
    tts_asked: float | None = None
    first_audio: float | None = None
    first_frame: float | None = None
    heard_by: tuple[Used, ...] = ()
    """The recognisers of its segments."""

    @property
    def is_empty(self) -> bool:
        """The user stopped, everything is transcribed, and there was not a word."""
        return self.is_stopped and self.segments == 0 and not self.said

    def add_final(self, text: str) -> None:
        """A segment's transcript is there."""
        self.said = f"{self.said} {text}".strip()
        self.shown_before = self.shown

    def show_interim(self, text: str) -> bool:
        """Let the shown transcript grow by the segment's interim `text`; False when it does not."""
        shown = f"{self.shown_before} {text}".strip()
        if shown == self.shown or not shown.startswith(self.shown):
            return False
        self.shown = shown
        return True

    def latency(self) -> Latency:
        """The legs in milliseconds, for those whose both ends are known."""
        ready = self.committed
        if self.first_audio is not None and ready is not None:
            ready = max(ready, self.first_audio)
        return Latency(
            voice_to_voice=_ms(self.speech_ended, self.first_frame),
            vad=_ms(self.speech_ended, self.pause_seen),
            stt_final=_ms(self.speech_ended, self.transcribed),
            end_of_turn=_ms(self.speech_ended, self.committed),
            llm_first_token=_ms(self.llm_asked, self.first_token),
            tts_first_audio=_ms(self.tts_asked, self.first_audio),
            delivery=_ms(ready, self.first_frame),
        )


def _ms(start: float | None, stop: float | None) -> float | None:
    return None if start is None or stop is None else round((stop - start) * 1000, 1)
