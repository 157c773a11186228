"""Whose microphone is heard, and who has been told that it is not theirs."""

from __future__ import annotations

from typing import Final

from livekit import rtc

from sottovoce.livekit.room.clients import Clients
from sottovoce.livekit.room.microphone import Microphone
from sottovoce.livekit.room.notices import Notices
from sottovoce.livekit.room.transcripts import Mouth
from sottovoce.livekit.room.users import Users

IS_HEARD: Final = "I hear you now."
IS_NOT_HEARD: Final = (
    "Somebody else is talking with me here, so I don't hear your microphone. You can listen, and write to me."
)


class Hearing:
    """The first user is heard; `look` again whenever users have changed."""

    def __init__(self, room: rtc.Room, users: Users, clients: Clients, notices: Notices) -> None:
        self._users, self._clients, self._notices = users, clients, notices
        self._speaker: str | None = None
        self._unheard: set[str] = set()
        """Who knows that they are not heard."""
        self.microphone = Microphone(room)

    def look(self) -> None:
        speaker = self._users.speaker
        if speaker is not None or self._users.is_empty:  # else a place is kept for who was heard
            self.microphone.follow(speaker)  # who came back has new tracks
            self._speaker = None if speaker is None else speaker.identity
            self._clients.heard(self._speaker)
        self._tell()

    def mouth(self) -> Mouth | None:
        """Of who is heard; None for nobody."""
        return None if self._speaker is None else Mouth(self._speaker, self.microphone.track_sid)

    def _tell(self) -> None:
        present = {user.identity for user in self._users}
        self._unheard &= present
        if self._speaker in self._unheard:
            self._unheard.discard(self._speaker)
            self._notices.note(self._speaker, IS_HEARD)
        for identity in present - self._unheard - {self._speaker}:
            self._unheard.add(identity)
            self._notices.note(identity, IS_NOT_HEARD)
