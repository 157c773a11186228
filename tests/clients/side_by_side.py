"""Scenarios in processes of their own, some at a time: mostly they wait for somebody to finish a sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

AT_ONCE = 3
"""Speech has to keep up with its clock on two cores."""

T = TypeVar("T")
Played = Callable[[str], Any]
"""What the named scenario found; raises what it ended with."""


@contextmanager
def side_by_side(
    play: Callable[[str, T], Any], scenarios: Mapping[str, T], *, at_once: int = AT_ONCE
) -> Iterator[Played]:
    """Play all `scenarios`, each by `play(name, scenarios[name])`."""
    with ThreadPoolExecutor(at_once) as pool:
        playing = {name: pool.submit(play, name, given) for name, given in scenarios.items()}
        yield lambda name: playing[name].result()
