"""Names that livekit promises nothing about: which of them we touch, and that they are what they were."""

from __future__ import annotations

import asyncio
import inspect

from livekit.agents import job as agents_job
from livekit.agents.job import RunningJobInfo
from livekit.rtc._ffi_client import FfiQueue
from livekit.rtc._proto.ffi_pb2 import FfiEvent
from livekit.rtc._proto.participant_pb2 import ParticipantInfo

from sottovoce.livekit.room import sdk_events
from tests.contract.livekit_members import has_member, member_uses
from tests.contract.livekit_uses import private_names, resolve

PRIVATE = {
    "_SpeechHandleContextVar": "livekit.agents.voice.agent_activity",
    "_closed": "livekit.agents.AgentServer",
    "_connecting": "livekit.agents.AgentServer",
    "_event_ch": "livekit.agents.stt.RecognizeStream",
    "_ffi_handle": "livekit.rtc.AudioStream livekit.rtc.Room",
    "_ffi_queue": "livekit.rtc.AudioStream livekit.rtc.Room",
    "_info": "livekit.rtc.Participant livekit.agents.JobContext",
    "_input_ch": "livekit.agents.stt.RecognizeStream",
    "_input_text": "livekit.agents.tts.ChunkedStream",
    "_observability_url": "livekit.agents.job",
    "_on_connect": "livekit.agents.JobContext",
    "_recorded_events": "livekit.agents.AgentSession",
    "_strict_tool_schema": "livekit.plugins.openai.LLM",
    "_subscribers": "livekit.rtc._ffi_client.FfiQueue",
}
"""Names that livekit promises nothing about, and where they are."""


def test_private_names_are_known_and_there() -> None:
    of_theirs = {name for use in member_uses() if (name := use.name.rpartition(".")[2]).startswith("_")}
    assert set(private_names()) | of_theirs == set(PRIVATE)
    gone = []
    for name, where in [(name, where) for name, owners in PRIVATE.items() for where in owners.split()]:
        owner = resolve(where)
        if isinstance(owner, type):
            is_there = has_member(owner, name) or name in inspect.signature(owner).parameters
        else:
            is_there = hasattr(owner, name)
        if not is_there:
            gone.append(f"{where} has no {name}")
    assert gone == []


def test_what_is_behind_the_private_names() -> None:
    """`_info` of jobs and participants, where recordings would go, and who hears native events."""
    assert {"url", "token", "received_at"} <= set(inspect.signature(RunningJobInfo).parameters)
    assert "client_protocol" in ParticipantInfo.DESCRIPTOR.fields_by_name
    source = inspect.getsource(agents_job)
    assert "def _observability_url(livekit_url" in source
    assert "_observability_url(self._info.url)" in source  # looked up when it is called, so that ours counts
    fields = FfiEvent.DESCRIPTOR.oneofs_by_name["message"].fields
    kinds = {field.name: field.message_type.fields_by_name for field in fields if field.message_type}
    assert set(sdk_events.NO_ROOMS) < set(kinds)
    assert "room_handle" in kinds["room_event"]
    assert "stream_handle" in kinds["audio_stream_event"]
    events: FfiQueue[str] = FfiQueue()
    loop = asyncio.new_event_loop()
    queue = events.subscribe(loop, bool)
    assert events._subscribers == [(queue, loop, bool)]
    with events._lock:
        events.unsubscribe(queue)
    loop.close()
