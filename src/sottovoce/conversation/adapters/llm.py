"""The language model for AgentSession: livekit's OpenAI plugin over a pooled client."""

from __future__ import annotations

import openai
from livekit.agents import llm
from livekit.agents.types import APIConnectOptions
from livekit.plugins import openai as openai_plugin

from sottovoce.config import EngineEndpoint

FIRST_TOKEN_DEADLINE = 10.0
"""Seconds to the first token; a cold prompt on a small machine is the slow case this allows."""
STALL_DEADLINE = 10.0
"""Seconds between two tokens."""
CONNECT_OPTIONS = APIConnectOptions(max_retry=1, retry_interval=0.1, timeout=STALL_DEADLINE)


def service_llm(endpoint: EngineEndpoint, client: openai.AsyncClient) -> llm.LLM[str]:
    """An `llm.LLM` that talks to `endpoint` through `client`, which its owner closes."""
    return openai_plugin.LLM(model=endpoint.model, client=client, _strict_tool_schema=False)
