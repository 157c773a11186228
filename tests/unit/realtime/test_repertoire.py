from __future__ import annotations

from collections.abc import Iterator

from sottovoce.realtime.events.base import ServerEvent
from tests.unit.realtime.repertoire import everything


def kinds(event: type[ServerEvent] = ServerEvent) -> Iterator[type[ServerEvent]]:
    for kind in event.__subclasses__():
        yield kind
        yield from kinds(kind)


def test_the_repertoire_that_clients_parsers_are_tried_with_is_whole() -> None:
    types = {kind.model_fields["type"].default for kind in kinds()}
    ours = {type_ for type_ in types if isinstance(type_, str) and not type_.startswith("sottovoce.")}
    assert {event["type"] for event in everything()} == ours
