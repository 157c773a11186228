"""livekit-agents' AgentSession with our engines, our timing, and every way to a cloud closed."""

from __future__ import annotations

from livekit.agents import AgentSession, inference
from livekit.agents.voice.agent_session import SessionConnectOptions

from sottovoce.conversation.adapters import llm as llm_adapter
from sottovoce.conversation.adapters import tts as tts_adapter
from sottovoce.conversation.adapters.clients import EngineClients
from sottovoce.conversation.adapters.stt import ServiceSTT
from sottovoce.conversation.options import TurnOptions
from sottovoce.conversation.turn_detection import WordsTurnDetector

TURN_SILENCE = 0.25
"""Silence after which the voice activity detector calls speech ended."""
MIN_INTERRUPTION = 0.15
"""Seconds of speech that hold the reply; a cough is shorter."""
RESUME_AFTER = 0.7
"""Seconds of silence after an interruption without words; then the reply goes on."""


def make_detector(threshold: float) -> inference.VAD:
    """The voice activity detector that ends turns."""
    return inference.VAD(model="silero", min_silence_duration=TURN_SILENCE, activation_threshold=threshold)


def make_agent_session(
    clients: EngineClients,
    stt: ServiceSTT,
    tts: tts_adapter.ServiceTTS,
    detector: inference.VAD,
    turns: TurnOptions,
) -> AgentSession[None]:
    """Every model is an instance and every mode is named: strings and defaults lead to a cloud."""
    return AgentSession(
        stt=stt,
        llm=llm_adapter.service_llm(clients.llm, clients.language_model),
        tts=tts,
        vad=detector,
        turn_handling={
            "turn_detection": WordsTurnDetector(),
            "endpointing": {"min_delay": turns.silence, "max_delay": turns.max_wait},
            "interruption": {
                "mode": "vad",
                "min_duration": MIN_INTERRUPTION,
                "false_interruption_timeout": RESUME_AFTER,
            },
            "preemptive_generation": {"preemptive_tts": True},
        },
        aec_warmup_duration=None,
        user_away_timeout=None,
        session_close_transcript_timeout=0,
        conn_options=SessionConnectOptions(
            llm_conn_options=llm_adapter.CONNECT_OPTIONS,
            tts_conn_options=tts_adapter.CONNECT_OPTIONS,
            max_unrecoverable_errors=2**31,  # a failing engine costs turns, not the session
        ),
    )
