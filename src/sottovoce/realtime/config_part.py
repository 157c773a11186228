"""What the parts of a session's configuration share: partial updates, and which nulls say something."""

from __future__ import annotations

from typing import Annotated, ClassVar, TypeAlias, TypeVar

from pydantic import AfterValidator, BeforeValidator, Discriminator, StringConstraints, Tag, model_validator
from pydantic_core import PydanticCustomError

from sottovoce.realtime.events.base import Wire

MAX_NAME_CHARACTERS = 256
"""Models, voices, languages: names, sent back whole in each `session.updated`."""
MAX_INSTRUCTIONS_CHARACTERS = 65_536
"""Instructions are kept per session and read by the model on every turn."""

WORD, OTHER = Tag("word"), Tag("other")
BY_SHAPE = Discriminator(lambda given: "word" if isinstance(given, str) else "other")
"""For a union of words and something else: what is wrong is then said of the one that was meant."""

Name: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME_CHARACTERS)]
Instructions: TypeAlias = Annotated[str, StringConstraints(max_length=MAX_INSTRUCTIONS_CHARACTERS)]


class ConfigPart(Wire):
    """A part of the configuration; `nullable` names the fields in which null says something."""

    nullable: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def _null_is_not_given(cls, given: object) -> object:
        if not isinstance(given, dict):
            return given
        return {name: value for name, value in given.items() if value is not None or name in cls.nullable}


Part = TypeVar("Part", bound=ConfigPart)


def merge(base: Part, update: Part) -> Part:
    """`base` with what was given in `update` laid over it, part by part."""
    changes: dict[str, object] = {}
    for name in update.model_fields_set:
        old, new = getattr(base, name), getattr(update, name)
        is_same_kind = isinstance(new, ConfigPart) and type(old) is type(new)
        changes[name] = merge(old, new) if is_same_kind else new
    return base.model_copy(update=changes)


def refuse(why: str) -> BeforeValidator:
    """A field that may only be null or empty: anything else is refused, and `why` says what to do instead."""

    def check(given: object) -> object:
        if given:
            raise PydanticCustomError("unsupported", why)
        return None if given is None else ()

    return BeforeValidator(check)


def refused(why: str) -> AfterValidator:
    """For the `type` of what is known and not to be had, so that it can be said by its name."""

    def check(given: str) -> str:
        raise PydanticCustomError("unsupported", why)

    return AfterValidator(check)
