"""livekit-agents' AgentSession with our engines, our timing, and every way to a cloud closed."""

from __future__ import annotations

from concurrent.futures import Executor

from livekit.agents import AgentSession, inference
from livekit.agents.voice import io
from livekit.agents.voice.agent_session import SessionConnectOptions
from livekit.agents.voice.turn import TurnDetectionMode

from sottovoce.conversation.adapters.clients import EngineClients
from sottovoce.conversation.adapters.llm import ServiceLLM
from sottovoce.conversation.adapters.stt import ServiceSTT
from sottovoce.conversation.adapters.tts import ServiceTTS
from sottovoce.conversation.options import TurnOptions
from sottovoce.conversation.reply import Current

TURN_SILENCE = 0.25
"""Silence after which the voice activity detector calls speech ended."""
MIN_INTERRUPTION = 0.15
"""Seconds of speech that hold the reply; a cough is shorter."""
RESUME_AFTER = 0.7
"""Seconds of silence after an interruption without words; then the reply goes on."""


def make_detector(threshold: float, executor: Executor) -> inference.VAD:
    """The voice activity detector that ends turns."""
    return inference.VAD(
        model="silero",
        min_silence_duration=TURN_SILENCE,
        activation_threshold=threshold,
        executor=executor,
    )


class Conversing(AgentSession[None]):
    """An `AgentSession` that gives each reply the outputs of its modality: what is written has none but its
    words, which `Assistant.transcription_node` tells."""

    current: Current = staticmethod(lambda: None)
    """Told by the session once it has replies."""

    @property
    def output(self) -> io.AgentOutput:
        reply = self.current()
        is_written = reply is not None and reply.plan.modality == "text"
        return _no_output() if is_written else super().output

    def follow(self, turns: TurnOptions | None, detector: TurnDetectionMode, *, should_reply: bool) -> None:
        """Take turns as `turns` say, None for turns that end by hand; nothing is asked ahead where nobody is
        to reply."""
        is_manual = turns is None
        known = turns or TurnOptions()
        self.options.preemptive_generation["enabled"] = should_reply and not is_manual
        # by hand, speech over a reply is speech for the next turn
        self.options.interruption["discard_audio_if_uninterruptible"] = not is_manual
        self.update_options(
            turn_detection="manual" if is_manual else detector,
            endpointing_opts={
                "min_delay": 0.0 if is_manual else known.silence,
                "max_delay": known.max_wait,
            },
        )

    def forget(self) -> None:
        """Drop what livekit keeps for ever: every event, and a second history."""
        self._recorded_events.clear()
        self.history.items.clear()


def _no_output() -> io.AgentOutput:
    def ignore() -> None: ...

    return io.AgentOutput(ignore, ignore, ignore)


def make_agent_session(
    clients: EngineClients,
    stt: ServiceSTT,
    voice_detector: inference.VAD,
    turn_detector: TurnDetectionMode,
    turns: TurnOptions,
) -> Conversing:
    """Every model is an instance and every mode is named: strings and defaults lead to a cloud."""
    return Conversing(
        stt=stt,
        llm=ServiceLLM(clients),
        tts=ServiceTTS(clients),
        vad=voice_detector,
        turn_handling={
            "turn_detection": turn_detector,
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
            max_unrecoverable_errors=2**31,  # a failing engine costs turns, not the session
        ),
    )
