"""The recognisers of the chain as one: each segment is heard by the first, and again by the next if need be.

A segment keeps its audio until its transcript is there, so failing over costs a delay and no words. A session
moves to another recogniser between two segments, never in the middle of one, and closes the connection that
it leaves.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial

from sottovoce.config import EngineEndpoint
from sottovoce.conversation.adapters.clients import EngineClients, Line
from sottovoce.conversation.adapters.recognition import HintsRefused, NoStreaming
from sottovoce.conversation.adapters.segments import MAX_SEGMENT_BYTES, Ear, Hints, Segment
from sottovoce.conversation.failover import Choice
from sottovoce.errors import EngineError, EngineTimeout, EngineUnavailable

logger = logging.getLogger(__name__)

PIECE_BYTES = 64 * 1024
"""Of a segment that is said again to another recogniser: messages have a limit."""


@dataclass(eq=False)
class _Hearing:
    """One recogniser at work on one segment; `after` are those that may follow it."""

    segment: Segment
    choice: Choice
    after: list[Choice]
    link: _Link
    inner: Segment
    ended: float | None = None


@dataclass(eq=False)
class _Link:
    """A session's connection to one recogniser."""

    line: Line
    held: AbstractContextManager[Line]
    recognition: Ear = field(init=False)
    hearings: list[_Hearing] = field(default_factory=list)


class Recognisers:
    """`Recognition` by whichever recogniser of the chain works."""

    def __init__(self, clients: EngineClients, hints: Hints, on_interim: Callable[[Segment], None]) -> None:
        self._hints = hints
        self._clients = clients
        self._on_interim = on_interim
        self._links: dict[EngineEndpoint, _Link] = {}
        self._hearings: dict[Segment, _Hearing] = {}
        self._refusing: set[EngineEndpoint] = set()
        """Those that do not take the hints."""
        self._closing: set[asyncio.Task[None]] = set()
        self._stop_listening = clients.failover.listen("stt", self._move)
        self._move()

    def take(self, hints: Hints) -> None:
        self._hints = hints
        self._refusing.clear()
        for link in self._links.values():
            link.recognition.take(hints)
        self._move()

    def begin(self) -> Segment:
        segment = Segment(asyncio.get_running_loop().create_future())
        choices = self._clients.failover.choices("stt", self._takes_hints)
        self._hear(segment, choices)
        self._leave_others(choices[0].endpoint)
        return segment

    def append(self, segment: Segment, pcm: bytes) -> None:
        pcm = pcm[: max(0, MAX_SEGMENT_BYTES - len(segment.audio))]
        segment.audio += pcm
        if pcm and (hearing := self._hearings.get(segment)) is not None:
            hearing.link.recognition.append(hearing.inner, pcm)

    def finish(self, segment: Segment) -> None:
        segment.is_finished = True
        if (hearing := self._hearings.get(segment)) is not None:
            self._finish(hearing)
        if segment.text.done():
            self._hearings.pop(segment, None)

    async def aclose(self) -> None:
        self._stop_listening()
        for segment in list(self._hearings):
            self._settle(segment, EngineUnavailable("The session ended.", engine="stt"))
            segment.text.cancelled() or segment.text.exception()  # seen, even if nobody waits any more
        for endpoint in list(self._links):
            self._close(self._links[endpoint])
        await asyncio.gather(*self._closing, return_exceptions=True)

    # -- what a link tells

    def _interim(self, link: _Link, inner: Segment) -> None:
        for hearing in link.hearings:
            if hearing.inner is inner:
                hearing.segment.interim = inner.interim
                self._on_interim(hearing.segment)

    def _troubled(self, link: _Link, error: EngineError) -> None:
        """Its connection is lost, or not to be had. Where somebody else could hear, they do, at once."""
        if self._links.get(link.line.endpoint) is not link:
            return  # it was left already
        if isinstance(error, NoStreaming):
            link.line.streams = False
            return self._again(link)
        choices = [hearing.choice for hearing in link.hearings] or self._choice_of(link)
        if choices:
            choices[0].failed(error.message, is_late=False)
        if any(hearing.after for hearing in link.hearings):
            self._abandon(link, error)
        elif not link.hearings:
            self._move()

    # -- hearing

    def _hear(self, segment: Segment, choices: list[Choice]) -> None:
        """Let the first of `choices` hear the segment, from its beginning."""
        choice, *after = choices
        link = self._link(choice.endpoint)
        inner = link.recognition.begin()
        inner.deadline = choice.deadline(link.recognition.deadline)
        hearing = _Hearing(segment, choice, after, link, inner)
        link.hearings.append(hearing)
        self._hearings[segment] = hearing
        inner.text.add_done_callback(lambda _: self._told(hearing))
        for at in range(0, len(segment.audio), PIECE_BYTES):
            link.recognition.append(inner, bytes(segment.audio[at : at + PIECE_BYTES]))
        if segment.is_finished:
            self._finish(hearing)

    def _finish(self, hearing: _Hearing) -> None:
        hearing.ended = asyncio.get_running_loop().time()
        if hearing.segment.text.done():
            hearing.inner.text.cancel()  # nobody wants it any more
        hearing.link.recognition.finish(hearing.inner)

    def _told(self, hearing: _Hearing) -> None:
        """A recogniser has done with a segment."""
        if hearing in hearing.link.hearings:
            hearing.link.hearings.remove(hearing)
        if self._hearings.get(hearing.segment) is not hearing:
            return  # another one hears it by now
        if hearing.inner.text.cancelled():
            self._settle(hearing.segment, "")
        elif (error := hearing.inner.text.exception()) is None:
            self._heard(hearing)
        else:
            assert isinstance(error, EngineError)
            self._failed(hearing, error)
        self._move()

    def _heard(self, hearing: _Hearing) -> None:
        now = asyncio.get_running_loop().time()
        hearing.choice.succeeded(now - (hearing.ended or now))
        hearing.segment.used = hearing.choice.used
        self._settle(hearing.segment, hearing.inner.text.result())

    def _failed(self, hearing: _Hearing, error: EngineError) -> None:
        if isinstance(error, HintsRefused):
            self._refusing.add(hearing.choice.endpoint)
        else:
            hearing.choice.failed(error.message, is_late=isinstance(error, EngineTimeout))
        self._pass_on(hearing, error)
        if hearing.choice.is_open and any(other.after for other in hearing.link.hearings):
            self._abandon(hearing.link, error)

    def _pass_on(self, hearing: _Hearing, error: EngineError) -> None:
        """The next of the chain hears the segment, if there is one."""
        if not hearing.after:
            self._settle(hearing.segment, error)
            return
        logger.warning(
            "%s: %s hears the segment again", error.message.rstrip("."), hearing.after[0].endpoint.model
        )
        hearing.segment.interim = ""
        self._hear(hearing.segment, hearing.after)

    def _settle(self, segment: Segment, result: str | EngineError) -> None:
        self._hearings.pop(segment, None)
        if segment.text.done():
            return
        if isinstance(result, str):
            segment.text.set_result(result)
        else:
            segment.text.set_exception(result)

    # -- links

    def _move(self) -> None:
        """Between two segments: connect to the recogniser that is first now, and leave any other."""
        if any(not segment.is_finished for segment in self._hearings):
            return
        first = self._clients.failover.first("stt", self._takes_hints)
        self._link(first)
        self._leave_others(first)

    def _link(self, endpoint: EngineEndpoint) -> _Link:
        if endpoint not in self._links:
            held = self._clients.using(endpoint)
            self._links[endpoint] = link = _Link(held.__enter__(), held)
            link.recognition = link.line.listen(
                self._hints, partial(self._interim, link), partial(self._troubled, link)
            )
        return self._links[endpoint]

    def _leave_others(self, endpoint: EngineEndpoint) -> None:
        for link in [link for known, link in self._links.items() if known != endpoint]:
            if not link.hearings:
                self._close(link)

    def _abandon(self, link: _Link, error: EngineError) -> None:
        """Give up on a connection; what is heard there is heard by others from now on."""
        hearings, link.hearings = link.hearings, []
        self._close(link)
        for hearing in hearings:
            if self._hearings.get(hearing.segment) is hearing:
                self._pass_on(hearing, error)

    def _again(self, link: _Link) -> None:
        """The same recogniser in another way."""
        hearings, link.hearings = link.hearings, []
        self._close(link)
        for hearing in hearings:
            if self._hearings.get(hearing.segment) is hearing:
                self._hear(hearing.segment, [hearing.choice, *hearing.after])
        self._move()

    def _close(self, link: _Link) -> None:
        if self._links.get(link.line.endpoint) is link:
            del self._links[link.line.endpoint]
        closing = asyncio.create_task(self._closed(link), name="leave a recogniser")
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def _closed(self, link: _Link) -> None:
        try:
            await link.recognition.aclose()
        finally:
            link.held.__exit__(None, None, None)

    def _takes_hints(self, endpoint: EngineEndpoint) -> bool:
        return endpoint not in self._refusing

    def _choice_of(self, link: _Link) -> list[Choice]:
        choices = self._clients.failover.choices("stt")
        return [choice for choice in choices if choice.endpoint == link.line.endpoint]
