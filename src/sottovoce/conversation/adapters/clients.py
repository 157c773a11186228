"""Connections to the engines, kept alive and shared by all sessions of a process."""

from __future__ import annotations

import httpx
import openai

from sottovoce.config import EngineEndpoint
from sottovoce.conversation.adapters.recognition import can_stream

MAX_CONNECTIONS = 64
NO_KEY = "none"
"""Sent to a model that asks for no key: without one the client would look for OpenAI's in the environment."""
KEEP_ALIVE = 60.0
"""Seconds an idle connection is kept; shorter than the services' own time-out."""


class EngineClients:
    """The three engines and the pools that reach them. Proxies of the environment are not asked:
    speech goes where the settings say and nowhere else."""

    def __init__(self, stt: EngineEndpoint, llm: EngineEndpoint, tts: EngineEndpoint) -> None:
        self.stt = stt
        self.llm = llm
        self.tts = tts
        self._stt_streams: bool | None = None
        limits = httpx.Limits(
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=MAX_CONNECTIONS,
            keepalive_expiry=KEEP_ALIVE,
        )
        self.http = httpx.AsyncClient(limits=limits, trust_env=False)
        self.language_model = openai.AsyncClient(
            api_key=llm.api_key or NO_KEY,
            base_url=llm.url,
            max_retries=0,
            http_client=openai.DefaultAsyncHttpxClient(trust_env=False),
        )

    async def stt_streams(self) -> bool:
        """Whether the recogniser takes speech as it comes, or only files; asked once."""
        if self._stt_streams is None:
            self._stt_streams = await can_stream(self.stt)
        return self._stt_streams

    async def aclose(self) -> None:
        """Close the pools; call it when the process ends."""
        await self.http.aclose()
        await self.language_model.close()
