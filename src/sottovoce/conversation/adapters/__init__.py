"""The engines, reached by URL, in the shapes that livekit-agents' AgentSession expects."""
