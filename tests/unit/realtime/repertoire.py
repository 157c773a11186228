"""Every kind of server event, as one connection after the other would send it."""

from __future__ import annotations

from typing import Any

from sottovoce.audio.playout import PlayoutFrame
from sottovoce.conversation import events as told
from sottovoce.realtime.protocol import ProtocolOptions
from tests.unit.realtime.client import Client

TOOL = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}}


def everything() -> list[dict[str, Any]]:
    """What a client of ordinary sessions is told; those that only listen are `listening`."""
    return [*_talking(), *_asking(), *_on_the_phone(), *_beside(), *_amiss()]


def listening() -> list[dict[str, Any]]:
    client = Client()
    return [*client.send("session.update", session={"type": "transcription"}), *_turn(client)]


def _turn(client: Client, item_id: str = "item_u") -> list[dict[str, Any]]:
    return client.hear(
        told.SpeechStarted(item_id, 120),
        told.Transcript(item_id, "what", is_final=False),
        told.SpeechStopped(item_id, 1620),
        told.TurnCommitted(item_id),
        told.Transcript(item_id, "what time is it", is_final=True),
    )


def _talking() -> list[dict[str, Any]]:
    client = Client()
    heard = {"noise_reduction": {"type": "far_field"}, "transcription": {"prompt": "clocks"}}
    events = [client.open(), client.update(audio={"input": heard}, tools=[TOOL], max_output_tokens=99)]
    events += _turn(client)
    events += client.hear(told.ReplyStarted("resp_a", "item_a"))
    events += client.read(client.protocol.audio([PlayoutFrame("resp_a", "item_a", b"\1\0" * 480)]))
    events += client.hear(
        told.ReplyPlaying("resp_a"),
        told.ReplyText("resp_a", "item_a", "It is noon."),
        told.FunctionCalled("resp_a", "item_f", "call_1", "weather", "{}"),
        told.ReplyFinished("resp_a", "item_a", "completed", heard="It is noon.", audio_ms=900),
    )
    events += client.send("conversation.item.truncate", item_id="item_a", content_index=0, audio_end_ms=500)
    for item_id in ("item_u", "item_a", "item_f"):
        events += client.send("conversation.item.retrieve", item_id=item_id)
    events += client.send("conversation.item.delete", item_id="item_a")
    return events + client.send("input_audio_buffer.clear")


def _asking() -> list[dict[str, Any]]:
    client = Client()
    events = client.update(output_modalities=["text"]), *client.write("hello", "msg_1")
    call = {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "call_1", "output": "Rain."}
    sound = [{"type": "input_text", "text": "hear:"}, {"type": "input_audio", "audio": "AAAA"}]
    past = [{"type": "output_audio", "transcript": "Noon."}, {"type": "output_text", "text": "12:00"}]
    told_ = [
        *events,
        *client.send("conversation.item.create", item=call),
        *client.send("conversation.item.create", item=output),
        *client.send("conversation.item.create", item={"type": "message", "role": "user", "content": sound}),
        *client.send(
            "conversation.item.create", item={"type": "message", "role": "assistant", "content": past}
        ),
        *client.write("be kind", previous_item_id="root"),
    ]
    return told_ + client.hear(
        told.ReplyStarted("resp_a", "item_a", "text"),
        told.ReplyText("resp_a", "item_a", "Hello"),
        told.ReplyFinished("resp_a", "item_a", "incomplete", "max_output_tokens", "Hello"),
    )


def _on_the_phone() -> list[dict[str, Any]]:
    client = Client(ProtocolOptions(transport="webrtc"))
    events = client.hear(told.ReplyStarted("resp_a", "item_a"), told.ReplyPlaying("resp_a"))
    events += client.hear(told.ReplyFinished("resp_a", "item_a", "completed", heard="Hi.", audio_ms=300))
    events += client.hear(told.ReplyStarted("resp_b", "item_b"), told.ReplyPlaying("resp_b"))
    events += client.hear(told.SpeechStarted("item_v", 4000))
    return events + client.hear(
        told.ReplyFinished("resp_b", "item_b", "cancelled", "turn_detected", "It", " is", 120)
    )


def _beside() -> list[dict[str, Any]]:
    client = Client()
    client.send("response.create", response={"conversation": "none", "metadata": {"topic": "mood"}})
    ((_, response_id),) = client.session.asked
    return client.hear(
        told.ReplyStarted(response_id, "item_b", "text"),
        told.ReplyText(response_id, "item_b", "calm"),
        told.ReplyFinished(response_id, "item_b", "completed", heard="calm"),
    )


def _amiss() -> list[dict[str, Any]]:
    client = Client()
    events = client.send("response.cancel", event_id="ev_1") + client.send_raw("{")
    events += client.hear(told.TurnCommitted("item_u"), told.TranscriptionFailed("item_u", "No recogniser."))
    events += client.hear(told.IdleTimedOut("item_i", 0, 5000), told.ReplyStarted("resp_a", "item_a"))
    return events + client.hear(told.ReplyFinished("resp_a", "item_a", "failed", error="No model."))
