"""What livekit-agents and livekit-api do for us where a signature does not say it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import jwt
from livekit import api
from livekit.agents import Agent, AgentSession, ModelSettings, llm
from livekit.agents import types as agent_types
from livekit.agents.voice.agent_activity import _SpeechHandleContextVar
from livekit.agents.voice.generation import INSTRUCTIONS_MESSAGE_ID

from sottovoce.livekit import conventions


class Silent(llm.LLM[str]):
    def chat(self, **_: Any) -> llm.LLMStream:
        raise AssertionError("the agent answers by itself")


class Answering(Agent):
    """Says one thing, and notes what it is told while it does."""

    def __init__(self) -> None:
        super().__init__(instructions="Be brief.", llm=Silent())
        self.handles: list[Any] = []
        self.contexts: list[llm.ChatContext] = []

    async def llm_node(
        self, chat_ctx: llm.ChatContext, tools: list[llm.Tool], model_settings: ModelSettings
    ) -> AsyncIterator[str]:
        self.handles.append(_SpeechHandleContextVar.get(None))
        self.contexts.append(chat_ctx)
        yield "Good day."


async def test_a_reply_knows_its_handle_and_its_instructions_and_is_recorded() -> None:
    agent = Answering()
    session: AgentSession[None] = AgentSession()
    created: list[Any] = []
    session.on("speech_created", created.append)
    await session.start(agent, record=False)
    try:
        handle = session.generate_reply(user_input="hello")
        await handle
        assert [event.speech_handle for event in created] == [handle]
        assert agent.handles == [handle]
        assert agent.contexts[0].items[0].id == INSTRUCTIONS_MESSAGE_ID
        assert [item.type for item in handle.chat_items] == ["message"]
        # both would grow for as long as somebody talks: Conversing.forget empties them
        assert any(event.type == "speech_created" for event in session._recorded_events)
        assert [message.text_content for message in session.history.messages()] == ["hello", "Good day."]
        session._recorded_events.clear()
        session.history.items.clear()
        await session.generate_reply(user_input="again")
        assert len(agent.contexts) == 2
    finally:
        await session.aclose()


def test_the_conventions_are_those_of_livekits_own_agents() -> None:
    assert conventions.CHAT_TOPIC == agent_types.TOPIC_CHAT
    assert conventions.TRANSCRIPTION_TOPIC == agent_types.TOPIC_TRANSCRIPTION
    assert conventions.AGENT_STATE == agent_types.ATTRIBUTE_AGENT_STATE


def test_a_token_says_what_it_grants_in_the_words_of_the_server() -> None:
    grants = api.VideoGrants(
        room_join=True,
        room="kitchen",
        can_publish=True,
        can_subscribe=True,
        can_publish_data=True,
        can_publish_sources=["microphone"],
        can_update_own_metadata=False,
    )
    agents = [api.RoomAgentDispatch(agent_name="sottovoce", metadata="{}")]
    config = api.RoomConfiguration(empty_timeout=60, departure_timeout=20, max_participants=10, agents=agents)
    secret = "s" * 40
    token = api.AccessToken("APIkey", secret).with_identity("ann").with_name("Ann").with_metadata("m")
    token = token.with_attributes({"a": "b"}).with_grants(grants).with_room_config(config)
    claims = jwt.decode(token.to_jwt(), secret, algorithms=["HS256"])
    assert (claims["iss"], claims["sub"], claims["name"]) == ("APIkey", "ann", "Ann")
    assert (claims["metadata"], claims["attributes"]) == ("m", {"a": "b"})
    assert claims["exp"] > claims["nbf"]
    assert claims["video"] == {
        "roomJoin": True,
        "room": "kitchen",
        "canPublish": True,
        "canSubscribe": True,
        "canPublishData": True,
        "canPublishSources": ["microphone"],
        "canUpdateOwnMetadata": False,
    }
    assert claims["roomConfig"] == {
        "emptyTimeout": 60,
        "departureTimeout": 20,
        "maxParticipants": 10,
        "agents": [{"agentName": "sottovoce", "metadata": "{}"}],
    }
