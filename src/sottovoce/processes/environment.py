"""What a child process is told of its parent's environment."""

from __future__ import annotations

from collections.abc import Mapping

PREFIX = "SOTTOVOCE_"
"""Settings are the parent's to read; a child is told what it needs of them."""
SECRETS = ("_API_KEY", "_API_SECRET", "_SECRET_KEY", "_TOKEN", "_PASSWORD", "DATABASE_URL")
"""What names of secrets end with."""
_LEAN = {"OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
"""Children that do little arithmetic need no pool of threads for it, nor an allocation arena for each."""


def child_environment(environment: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """The parent's environment without its settings and secrets, with the child's `own`."""
    kept = {
        name: value
        for name, value in environment.items()
        if not name.startswith(PREFIX) and not name.endswith(SECRETS)
    }
    return {**_LEAN, **kept, **own}
