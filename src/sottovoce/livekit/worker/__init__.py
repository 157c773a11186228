"""The worker: takes the jobs of a LiveKit server and holds their conversations."""
