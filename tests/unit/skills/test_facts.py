"""Facts told, found and forgotten."""

from __future__ import annotations

import pytest

from sottovoce.skills.facts import MAX_FACT_CHARACTERS, MAX_FACTS, Facts, FactsError, to_user


@pytest.fixture
def facts() -> Facts:
    return Facts(
        ["my keys are in the drawer", "my name is Anna", "my sister's name is Lucy", "I parked on level 3"]
    )


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ("my keys", "Your keys are in the drawer."),
        ("where are the keys", "Your keys are in the drawer."),
        ("my name", "Your name is Anna."),
        ("my sister's name", "Your sister's name is Lucy."),
        ("who my sister is", "Your sister's name is Lucy."),
        ("i park", "You parked on level 3."),
        ("my key", "Your keys are in the drawer."),
        ("my glasses", "You haven't told me about your glasses."),
    ],
)
def test_recall(facts: Facts, about: str, said: str) -> None:
    assert facts.recall(about) == said


def test_recalling_everything_is_bounded() -> None:
    facts = Facts([f"my number {number} is {number}" for number in range(20)])
    assert facts.recall().count(".") == 5


def test_a_new_fact_replaces_the_old_about_the_same(facts: Facts) -> None:
    assert facts.remember("my name is Bob") == "I'll remember that your name is Bob."
    assert facts.recall("my name") == "Your name is Bob."
    assert len(facts) == 4


def test_forgetting(facts: Facts) -> None:
    assert facts.forget("my name") == "I have forgotten that."
    assert facts.recall("my name") == "You haven't told me about your name."
    assert facts.forget("my name") == "There is nothing for me to forget."
    assert facts.forget() == "I have forgotten everything you told me."
    assert facts.recall() == "You haven't told me anything to remember yet."


def test_limits() -> None:
    facts = Facts([f"thing {number}" for number in range(MAX_FACTS)])
    with pytest.raises(FactsError, match="already"):
        facts.remember("one more")
    with pytest.raises(FactsError, match="too long"):
        facts.remember("x" * (MAX_FACT_CHARACTERS + 1))
    with pytest.raises(FactsError, match="nothing"):
        facts.remember(" . ")


def test_the_user_is_spoken_to() -> None:
    assert to_user("I am late and my mum waits for me") == "you are late and your mum waits for you"
    assert to_user("the user's keys are here") == "your keys are here"
