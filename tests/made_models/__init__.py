"""Models made on the spot, for the real engines to load: nothing is downloaded, nothing is trained."""
