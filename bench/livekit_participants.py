"""One process of clients for `livekit_rooms.py`, so that their work is not counted as the worker's.

Its standard input has a plan as a line of JSON, then "speak" when all the others are there as well, and ends
when everybody has done; it tells how far it is by lines of JSON, and last of all what was measured.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from livekit_figures import Outcome
from livekit_talkers import CallTalker, RoomTalker, Talker
from pydantic import TypeAdapter

from sottovoce.bench.speech import FRAME, RATE_HZ, Samples, read_recording

QUIET = 0.6
"""Seconds without an audible sample after which a reply is over; the pauses in it are shorter."""
STOPPED = 0.3
"""The same of a reply that is spoken over: the next one is not there as soon."""
BARGE_IN_AFTER = 1.5
"""Seconds into a reply at which it is spoken over."""
LONG_FOR = "count to forty"
"""The stand-in engines and the embedded ones have a long answer to it."""


@dataclass(frozen=True)
class Ticket:
    """How one of them gets in: a token for a room, or a gateway's key."""

    kind: Literal["room", "call"]
    url: str
    secret: str


@dataclass(frozen=True)
class Plan:
    tickets: list[Ticket]
    delays: list[float]
    """Seconds after "speak" at which each begins."""
    recordings: list[str]
    turns: int
    interruptions: int
    admission: float


class Conversation:
    """One participant's, from joining to leaving."""

    def __init__(self, plan: Plan, index: int) -> None:
        ticket = plan.tickets[index]
        self.outcome = Outcome()
        kind = RoomTalker if ticket.kind == "room" else CallTalker
        self._talker: Talker = kind(ticket.url, ticket.secret)
        self._plan = plan
        self._delay = plan.delays[index]
        first = index % len(plan.recordings)
        paths = plan.recordings[first:] + plan.recordings[:first]
        self._speech = [read_recording(Path(path)) for path in paths]

    async def join(self) -> None:
        began = time.perf_counter()
        try:
            self.outcome.is_admitted = await self._talker.join(self._plan.admission)
        except Exception as error:  # noqa: BLE001  whatever it is, it is told
            self._failed(error)
        self.outcome.joined_ms = _ms(time.perf_counter() - began)

    async def converse(self) -> None:
        if not self.outcome.is_admitted:
            return
        await asyncio.sleep(self._delay)
        print(json.dumps({"event": "begun"}), flush=True)
        try:
            for turn in range(self._plan.turns):
                await self._turn(self._speech[turn % len(self._speech)])
            for _ in range(self._plan.interruptions):
                await self._interruption(max(self._speech, key=len))
        except Exception as error:  # noqa: BLE001
            self._failed(error)
        print(json.dumps({"event": "done"}), flush=True)

    async def leave(self) -> None:
        await self._talker.leave()

    def _failed(self, error: Exception) -> None:
        self.outcome.error = f"{type(error).__name__}: {error}"

    async def _turn(self, speech: Samples) -> None:
        self._talker.ear.listen_anew()
        ended = await self._talker.mouth.speak(speech)
        try:
            first = await self._talker.ear.first_sound()
        except TimeoutError:
            self.outcome.unanswered += 1
            return
        if first < ended:
            self.outcome.cut_ins += 1
        else:
            self.outcome.voice_to_voice_ms.append(_ms(first - ended))
        await self._quiet(QUIET)

    async def _interruption(self, speech: Samples) -> None:
        """Over a long reply to what was typed."""
        talker = self._talker
        if talker.ear.playback.last_loud is not None:
            await self._quiet(QUIET)
        talker.ear.listen_anew()
        await talker.write(LONG_FOR)
        try:
            await talker.ear.first_sound()
            await asyncio.sleep(BARGE_IN_AFTER)
            ended = await talker.mouth.speak(speech)
            began = ended - len(speech) / RATE_HZ
            self.outcome.silent_ms.append(_ms(await self._quiet(STOPPED) - began))
            talker.ear.listen_anew()
            first = await talker.ear.first_sound()
        except TimeoutError:
            self.outcome.unanswered += 1
            return
        self.outcome.after_interruption_ms.append(_ms(first - ended))

    async def _quiet(self, seconds: float) -> float:
        """Waits until nothing was audible for so long; returns when the last audible sample played."""
        while True:
            last = self._talker.ear.playback.last_loud
            assert last is not None
            if (wait := last + seconds - time.perf_counter()) <= 0:
                return last
            await asyncio.sleep(max(wait, FRAME))


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


async def run(plan: Plan) -> Sequence[Outcome]:
    reader = await _standard_input()
    conversations = [Conversation(plan, index) for index in range(len(plan.tickets))]
    await asyncio.gather(*(conversation.join() for conversation in conversations))
    admitted = sum(conversation.outcome.is_admitted for conversation in conversations)
    print(json.dumps({"event": "joined", "admitted": admitted}), flush=True)
    try:
        if await reader.readline():
            await asyncio.gather(*(conversation.converse() for conversation in conversations))
            await reader.read()
    finally:
        await asyncio.gather(*(conversation.leave() for conversation in conversations))
    return [conversation.outcome for conversation in conversations]


async def _standard_input() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    protocol: Any = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    return reader


def main() -> None:
    plan = TypeAdapter(Plan).validate_json(sys.stdin.readline())
    outcomes = asyncio.run(run(plan))
    print(json.dumps({"event": "over", "outcomes": list(map(asdict, outcomes))}), flush=True)


if __name__ == "__main__":
    main()
