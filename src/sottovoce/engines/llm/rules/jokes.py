"""The assistant's own jokes, short enough to say."""

from __future__ import annotations

import random
from collections.abc import Sequence

JOKES: tuple[str, ...] = (
    "I asked my clock for a joke. It said, give me a second.",
    "Why did the microphone leave the party? Nobody would let it finish a sentence, and it heard everything.",
    "My timer and I broke up. It said our time was over.",
    "Why is nine so smug? It thinks it is only one away from perfect.",
    "I would tell you a joke about privacy, but it stays between us.",
    "What does a kilogram say to a pound? You do not measure up.",
    "I once flipped a coin to make a decision. It landed in another room. I respect that.",
    "Why do dice make bad friends? They always take turns, and never your side. Well, one in six.",
    "A loudspeaker walks into a library. It does not end quietly.",
    "I tried to whisper in italics. That is how I got my name.",
    "Why did the calendar go to therapy? Its days were numbered.",
    "My memory is short, but so was the last joke, so we are even.",
    "What is a robot's favorite snack? Anything with chips. I prefer plain words.",
    "I know a joke about silence. It goes like this.",
)


def pick_joke(rng: random.Random, said: Sequence[str]) -> str:
    """A joke that is not among the texts already `said`, as long as there is one; never the last again."""
    fresh = [joke for joke in JOKES if joke not in said]
    return rng.choice(fresh or [joke for joke in JOKES if joke not in said[-1:]])
