"""A LiveKit server of our own, and the worker beside it."""
