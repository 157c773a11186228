"""Child processes: begun in a clean environment, listened to, and ended for certain."""
