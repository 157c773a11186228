"""The names that rooms go by: LiveKit's own, which stock front ends know, and ours."""

from __future__ import annotations

CHAT_TOPIC = "lk.chat"
"""Text streams of what a participant writes to the assistant."""
TRANSCRIPTION_TOPIC = "lk.transcription"
"""Text streams of what was said, the user's and the assistant's."""
AGENT_STATE = "lk.agent.state"
"""Attribute of the assistant: initializing, listening, thinking or speaking (idle where nobody is left)."""

REALTIME_TOPIC = "sottovoce.realtime"
"""Text streams of one event each, JSON of OpenAI's Realtime API: to the assistant from clients, and back."""
REALTIME_CLIENT = "sottovoce.realtime"
"""Attribute, "true", of participants who want the Realtime events; all others never see one."""
