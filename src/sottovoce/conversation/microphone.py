"""AgentSession's microphone: takes audio as it comes, hands it on no faster than it is heard.

AgentSession decides by the wall clock, which is right as long as audio comes in real time. A client may
send a recording at once instead. So what is handed on waits for the detector, what comes after a commit
waits for the commit, and where the sender is ahead, what comes after the user fell silent waits until it is
known whether that was the end of the turn.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from livekit import rtc
from livekit.agents.voice import io

from sottovoce.audio.frame import BYTES_PER_SAMPLE, AudioFrame
from sottovoce.audio.resample import Resampler
from sottovoce.conversation.places import PLACE, Place
from sottovoce.conversation.recordings import check_rate
from sottovoce.errors import InvalidRequestError

INPUT_RATE_HZ = 16_000
FRAME_SAMPLES = INPUT_RATE_HZ // 50
FRAME_BYTES = FRAME_SAMPLES * BYTES_PER_SAMPLE
MAX_WAITING = 360.0
"""Seconds of input not yet heard, 17 MB at 24 kHz: a client may append five minutes at once."""
MAX_IN_FLIGHT_SAMPLES = INPUT_RATE_HZ // 10
"""Handed on and not yet heard: what keeps the detectors together, and their memory small."""
PIECE = 0.1
"""Seconds of a long frame that are converted at a time, so that the event loop goes on."""
AHEAD = 0.3
"""Seconds waiting from which on a sender is ahead of real time rather than unsteady."""
PADDING = 0.5
"""Seconds of silence after a commit, which end the speech that was cut off by it."""
STALLED = 1.0
"""Seconds without a sign of the detector, or of a sender in mid-word: frames that AgentSession dropped are
not waited for, and who stopped sending is silent."""
MAX_HELD = 10.0
"""Seconds that audio waits for a verdict on the turn before it; longer than any verdict takes."""


@dataclass(eq=False)
class Mark:
    """A place in the input. What was before it has been handed on when it is `reached`; what comes after
    waits until it is passed."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    is_passed: bool = False


class Microphone(io.AudioInput):
    """Frames of any rate and length in; 16 kHz mono, 20 ms out, which neither detector nor recogniser
    resamples."""

    def __init__(self, is_undecided: Callable[[float], bool] = lambda silence: False) -> None:
        """`is_undecided` tells of so many seconds of silence whether it is still open if they end a turn."""
        super().__init__(label="microphone")
        self._is_undecided = is_undecided
        self._queue: deque[AudioFrame | Mark] = deque()
        self._ready: deque[rtc.AudioFrame] = deque()
        self._rest = b""
        self._resampler = Resampler(INPUT_RATE_HZ, INPUT_RATE_HZ)
        self._changed = asyncio.Event()
        self._progress = asyncio.Event()
        self._is_ended = False
        self._held_since: float | None = None
        self._silence = PADDING
        self.pushed = 0.0
        """Seconds of audio since the session began."""
        self.waiting = 0.0
        """Seconds of it that are not even converted yet."""
        self._made = Place()
        self._taken = Place()
        self._heard = Place()

    @property
    def heard_ms(self) -> int:
        """How much of the input the detector has worked off: the session's input clock."""
        return self._heard.clock * 1000 // INPUT_RATE_HZ

    def push(self, frame: AudioFrame) -> None:
        """Raises `InvalidRequestError` when `MAX_WAITING` seconds are waiting, or for a made-up rate."""
        check_rate(frame)
        if self.waiting + frame.duration > MAX_WAITING:
            raise InvalidRequestError(
                f"More than {MAX_WAITING:.0f} s of audio wait to be heard; send it no faster.",
                code="input_audio_buffer_overflow",
            )
        self.pushed += frame.duration
        self.waiting += frame.duration
        step = max(1, int(PIECE * frame.sample_rate)) * BYTES_PER_SAMPLE
        for at in range(0, len(frame.samples), step):
            self._queue.append(AudioFrame(frame.samples[at : at + step], frame.sample_rate))
        self.look_again()

    def mark(self) -> Mark:
        """What was pushed so far is followed by silence and then by the mark."""
        mark = Mark()
        self._queue += [_PADDING, mark]
        self.look_again()
        return mark

    def go_on_after(self, mark: Mark) -> None:
        mark.is_passed = True
        self.look_again()

    def clear(self) -> None:
        """Drop what waits behind the last mark, and let silence follow."""
        while self._queue and not isinstance(self._queue[-1], Mark):
            self._skip(self._queue.pop())
        if not self._queue:
            self._ready.clear()
        self._queue.append(_PADDING)
        self.look_again()

    def _skip(self, frame: AudioFrame | Mark) -> None:
        if isinstance(frame, AudioFrame) and frame is not _PADDING:
            self.waiting -= frame.duration
            self._made = self._made.after(0, int(frame.duration * INPUT_RATE_HZ))

    def end(self) -> None:
        self._is_ended = True
        self.look_again()

    def look_again(self) -> None:
        """Something changed that a waiting frame may have waited for."""
        self._changed.set()

    def listened(self, place: Place, silence: float) -> None:
        """The detector has worked off what was handed on up to `place`; the user has been silent for the last
        `silence` seconds."""
        self._heard, self._silence = max(self._heard, place), silence
        self._progress.set()
        self.look_again()

    def restarted(self) -> None:
        """The detector begins anew; what was under way to the old one is lost."""
        self._heard, self._silence = self._taken, PADDING
        self.look_again()

    async def caught_up(self) -> None:
        """Return when the detector has heard what was handed on so far, but for the last bit of silence."""
        target = self._taken.position - MAX_IN_FLIGHT_SAMPLES
        while self._heard.position < target:
            self._progress.clear()
            try:
                async with asyncio.timeout(STALLED):
                    await self._progress.wait()
            except TimeoutError:
                return

    async def __anext__(self) -> rtc.AudioFrame:
        while True:
            self._changed.clear()
            if self._may_go_on() and (frame := self._take()) is not None:
                return frame
            if self._is_ended and not self._queue and not self._ready:
                raise StopAsyncIteration
            try:
                async with asyncio.timeout(STALLED):
                    await self._changed.wait()
            except TimeoutError:
                self._stalled()

    def _may_go_on(self) -> bool:
        if self._taken.position - self._heard.position > MAX_IN_FLIGHT_SAMPLES:
            return False
        is_held = self.waiting > AHEAD and self._is_undecided(self._silence)
        now = asyncio.get_running_loop().time()
        if not is_held:
            self._held_since = None
        elif self._held_since is None:
            self._held_since = now
        return self._held_since is None or now - self._held_since > MAX_HELD

    def _stalled(self) -> None:
        self._heard = self._taken
        if self._silence == 0.0 and not self._queue:
            self._queue.append(_PADDING)
            self._silence = PADDING

    def _take(self) -> rtc.AudioFrame | None:
        while not self._ready and self._queue:
            head = self._queue[0]
            if isinstance(head, Mark):
                head.reached.set()
                if not head.is_passed:
                    return None
            self._queue.popleft()
            if isinstance(head, AudioFrame):
                self._convert(head)
        if not self._ready:
            return None
        frame = self._ready.popleft()
        self._taken = frame.userdata[PLACE]
        return frame

    def _convert(self, frame: AudioFrame) -> None:
        is_padding = frame is _PADDING
        self.waiting -= 0.0 if is_padding else frame.duration
        pcm = self._rest + self._resampled(frame)
        whole = len(pcm) - len(pcm) % FRAME_BYTES
        self._rest = pcm[whole:]
        for at in range(0, whole, FRAME_BYTES):
            self._made = self._made.after(FRAME_SAMPLES, 0 if is_padding else FRAME_SAMPLES)
            userdata = {PLACE: self._made}
            piece = pcm[at : at + FRAME_BYTES]
            self._ready.append(rtc.AudioFrame(piece, INPUT_RATE_HZ, 1, FRAME_SAMPLES, userdata=userdata))

    def _resampled(self, frame: AudioFrame) -> bytes:
        if self._resampler.rate_in_hz != frame.sample_rate:
            self._resampler = Resampler(frame.sample_rate, INPUT_RATE_HZ, "LQ")
        return self._resampler.push(frame.samples)


_PADDING = AudioFrame(bytes(int(PADDING * INPUT_RATE_HZ) * BYTES_PER_SAMPLE), INPUT_RATE_HZ)
