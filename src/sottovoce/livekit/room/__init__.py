"""One conversation in one LiveKit room."""
