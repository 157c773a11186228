"""The protocol's events: `client` is what clients send, the other modules what the server does."""
