"""The names that rooms go by: LiveKit's own, which stock front ends know, and ours."""

from __future__ import annotations

CHAT_TOPIC = "lk.chat"
"""Text streams of what a participant writes to the assistant."""
TRANSCRIPTION_TOPIC = "lk.transcription"
"""Text streams of what was said, the user's and the assistant's."""
FIRST_WORDS_TOPIC = "lk.agent.pre-connect-audio-buffer"
"""Byte streams of what a participant said before the assistant came."""
AGENT_STATE = "lk.agent.state"
"""Attribute of the assistant: initializing, listening, thinking or speaking (idle where nobody is left)."""

AGENT_NAME = "lk.agent_name"
"""Attribute that LiveKit gives to every participant who came as a worker's job: the worker's name."""
WORKER = "sottovoce.worker"
"""Attribute of the assistant: which worker it is of. One that starts where another was has the same."""

AGAIN = "sottovoce.again"
"""Attribute, "true", of the dispatch of a worker that asks for an assistant once more."""

REALTIME_TOPIC = "sottovoce.realtime"
"""Text streams of one event each, JSON of OpenAI's Realtime API: to the assistant from clients, and back."""
REALTIME_CLIENT = "sottovoce.realtime"
"""Attribute, "true", of participants who want the Realtime events; others get none, but an error for the
first that they send."""

TRANSCRIPTION_SEGMENT = "lk.segment_id"
"""Attribute of a transcription's text stream: streams of one id are one piece of speech, the last counts."""
TRANSCRIPTION_FINAL = "lk.transcription_final"
""""true" once it will not change any more."""
TRANSCRIPTION_TRACK = "lk.transcribed_track_id"
"""The track on which it was said."""
