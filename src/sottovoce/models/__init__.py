"""Which models there are, where they come from, whether they are whole, and which one is in use."""
