"""Who is in the room to talk, and whose microphone is heard."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

from livekit import rtc

RETURN_GRACE: Final = 0.5
"""Seconds for which one's place is kept: a second tab of the same identity takes it over, and a network
that changes does not hand the conversation to the next one."""

ANNOUNCED_WITHIN: Final = 4.0
"""Seconds in which everybody is known: LiveKit tells at once of those who publish, and every three seconds of
those who only write."""

KINDS: Final = frozenset(
    (
        rtc.ParticipantKind.PARTICIPANT_KIND_STANDARD,
        rtc.ParticipantKind.PARTICIPANT_KIND_SIP,
        rtc.ParticipantKind.PARTICIPANT_KIND_CONNECTOR,
    )
)
"""People; never agents, recorders or streams."""

PUBLISH_ON_BEHALF: Final = "lk.publish_on_behalf"
"""Attribute of those who are the voice or face of another participant, and nobody by themselves."""


def is_user(participant: rtc.Participant) -> bool:
    return participant.kind in KINDS and PUBLISH_ON_BEHALF not in participant.attributes


def is_caller(participant: rtc.Participant) -> bool:
    """On a telephone: there is nothing to read on, and nothing to click."""
    return bool(participant.kind == rtc.ParticipantKind.PARTICIPANT_KIND_SIP)


class Users:
    """In the order in which they came; the first of them is the speaker. `changed` hears of every change."""

    def __init__(self, room: rtc.Room, changed: Callable[[], None]) -> None:
        self._room = room
        self._changed = changed
        self._places: dict[str, asyncio.TimerHandle | None] = {}
        """By identity; with a timer where it is kept for one who has gone."""
        present = sorted(room.remote_participants.values(), key=_joined)
        self._places.update((each.identity, None) for each in present if is_user(each))
        room.on("participant_connected", self._came)
        room.on("participant_disconnected", self._went)

    def __iter__(self) -> Iterator[rtc.RemoteParticipant]:
        present = map(self._room.remote_participants.get, self._places)
        return (each for each in present if each is not None)

    def find(self, identity: str) -> rtc.RemoteParticipant | None:
        return self._room.remote_participants.get(identity) if identity in self._places else None

    async def meet(self, identity: str) -> rtc.RemoteParticipant | None:
        """`find` for one who may be in the room and not be announced yet; None for whoever is no user."""
        if identity in self._room.remote_participants:
            return self.find(identity)
        came = asyncio.Event()

        def look(participant: rtc.RemoteParticipant) -> None:
            if participant.identity == identity:
                came.set()

        self._room.on("participant_connected", look)
        try:
            async with asyncio.timeout(ANNOUNCED_WITHIN):
                await came.wait()
        except TimeoutError:
            return None
        finally:
            self._room.off("participant_connected", look)
        return self.find(identity)

    @property
    def is_empty(self) -> bool:
        return not self._places

    @property
    def speaker(self) -> rtc.RemoteParticipant | None:
        """None while the place of one who has gone is kept, too."""
        first = next(iter(self._places), None)
        return None if first is None else self._room.remote_participants.get(first)

    def close(self) -> None:
        self._room.off("participant_connected", self._came)
        self._room.off("participant_disconnected", self._went)
        for timer in self._places.values():
            if timer is not None:
                timer.cancel()

    def _came(self, participant: rtc.RemoteParticipant) -> None:
        if not is_user(participant):
            return
        timer = self._places.get(participant.identity)
        if timer is not None:
            timer.cancel()
        self._places[participant.identity] = None
        self._changed()

    def _went(self, participant: rtc.RemoteParticipant) -> None:
        if participant.identity not in self._places:
            return
        if participant.disconnect_reason == rtc.DisconnectReason.CLIENT_INITIATED:
            return self._give_up(participant.identity)
        later = asyncio.get_running_loop().call_later(RETURN_GRACE, self._give_up, participant.identity)
        self._places[participant.identity] = later
        self._changed()

    def _give_up(self, identity: str) -> None:
        with suppress(KeyError):
            del self._places[identity]
            self._changed()


def _joined(participant: rtc.RemoteParticipant) -> float:
    return 0.0 if participant.joined_at is None else participant.joined_at.timestamp()
