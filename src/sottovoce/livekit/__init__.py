"""Rooms on LiveKit: tokens, a managed server, the worker and its conversations."""
