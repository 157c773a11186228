"""A private voice assistant that you run yourself: speech in, speech out, nothing leaves the machine."""

from importlib.metadata import version

__version__ = version("sottovoce")
