"""Every name, parameter and hook of livekit's that our code uses is there.

What a name does, test_livekit_behaviour.py and test_livekit_rooms.py ask; docs/upgrading-livekit.md says
what to do when this fails.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from pydantic import BaseModel

import sottovoce
from tests.contract.livekit_members import has_member, member_uses
from tests.contract.livekit_uses import ANYTHING, Use, private_names, resolve, uses

OVERRIDDEN = {
    "livekit.agents.llm.llm.LLM": {"chat", "model"},
    "livekit.agents.stt.stt.RecognizeStream": {"_run"},
    "livekit.agents.stt.stt.STT": {"_recognize_impl", "stream"},
    "livekit.agents.tts.tts.ChunkedStream": {"_run"},
    "livekit.agents.tts.tts.TTS": {"model", "synthesize"},
    "livekit.agents.voice.agent.Agent": {
        "llm_node",
        "on_user_turn_completed",
        "transcription_node",
        "tts_node",
    },
    "livekit.agents.voice.agent_session.AgentSession": {"output"},
    "livekit.agents.voice.io.AudioInput": {"__anext__"},
    "livekit.agents.voice.io.AudioOutput": {"capture_frame", "clear_buffer", "flush", "pause", "resume"},
    "livekit.agents.voice.io.TextOutput": {"capture_text", "flush"},
    "livekit.agents.worker.AgentServer": {
        "_get_effective_load",
        "_invoke_load_fnc",
        "_update_worker_status",
    },
}
"""What livekit calls of ours: a hook that it renames would never be called again, and nobody would say so."""


@pytest.fixture(scope="module")
def named() -> list[Use]:
    return uses()


@pytest.fixture(scope="module")
def members() -> list[Use]:
    return member_uses()


def test_names(named: list[Use]) -> None:
    gone: dict[str, str] = {}
    for use in named:
        try:
            resolve(use.name)
        except (AttributeError, ImportError) as error:
            gone[f"{use.name} ({use.place})"] = str(error)
    assert gone == {}
    assert len(named) > 500


def test_members(members: list[Use]) -> None:
    gone = []
    for use in members:
        owner, _, name = use.name.rpartition(".")
        if not has_member(resolve(owner), name):
            gone.append(f"{use.name} ({use.place})")
    assert gone == []
    assert len(members) > 100


def test_parameters(named: list[Use], members: list[Use]) -> None:
    refused = [
        f"{use.name} takes no {', '.join(sorted(unknown))} ({use.place})"
        for use in (*named, *members)
        if use.keywords is not None and (unknown := _unknown(use))
    ]
    assert refused == []


def _unknown(use: Use) -> set[str]:
    """Which of the arguments would be refused."""
    try:
        taken = _taken(resolve(use.name))
    except (AttributeError, ImportError):
        return set()  # it is no function: a member of instances, or gone
    given = set(use.keywords or ()) - {ANYTHING}
    return set() if taken is None else given - taken


def _taken(called: Any) -> set[str] | None:
    """The parameters' names; None where anything is taken."""
    if isinstance(called, type) and issubclass(called, Message):
        return set(called.DESCRIPTOR.fields_by_name)
    if isinstance(called, type) and issubclass(called, BaseModel):
        return set(called.model_fields)
    try:
        parameters = inspect.signature(called).parameters
    except (TypeError, ValueError):
        return None
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    return None if takes_any else set(parameters)


def test_hooks() -> None:
    found: dict[str, set[str]] = {}
    for kind in _subclasses():
        for base in kind.__mro__:
            if base.__module__.startswith("livekit."):
                own = {name for name in vars(kind) if name in vars(base) and _is_hook(kind, name)}
                found.setdefault(f"{base.__module__}.{base.__qualname__}", set()).update(own)
    expected = {base: names for base, names in found.items() if names}
    assert expected == OVERRIDDEN


def test_hooks_are_called_as_ours_take_it() -> None:
    wrong = []
    for kind in _subclasses():
        for base in (base for base in kind.__mro__ if base.__module__.startswith("livekit.")):
            for name in OVERRIDDEN.get(f"{base.__module__}.{base.__qualname__}", set()) & set(vars(kind)):
                theirs, ours = vars(base)[name], vars(kind)[name]
                if callable(theirs) and (difference := _difference(theirs, ours)):
                    wrong.append(f"{base.__qualname__}.{name}: {difference} ({kind.__qualname__})")
    assert wrong == []


def _difference(theirs: Any, ours: Any) -> str:
    given = inspect.signature(theirs).parameters
    taken = inspect.signature(ours).parameters
    missing = [name for name in given if name not in taken]
    needed = [
        name
        for name, parameter in taken.items()
        if name not in given and parameter.default is parameter.empty
    ]
    return ", ".join(
        [f"it is given {name}" for name in missing] + [f"it is not given {name}" for name in needed]
    )


def _is_hook(kind: type, name: str) -> bool:
    return name != "__init__" and (callable(vars(kind)[name]) or isinstance(vars(kind)[name], property))


def _subclasses() -> Iterator[type]:
    """Our classes that are livekit's."""
    for module in pkgutil.walk_packages(sottovoce.__path__, "sottovoce."):
        if module.name.startswith(("sottovoce.conversation", "sottovoce.livekit")):
            for kind in vars(importlib.import_module(module.name)).values():
                is_ours = isinstance(kind, type) and kind.__module__ == module.name
                if is_ours and any(base.__module__.startswith("livekit.") for base in kind.__mro__):
                    yield kind


def test_what_is_gone_is_seen(tmp_path: Path) -> None:
    (tmp_path / "livekit").mkdir()
    (tmp_path / "livekit/room.py").write_text(GONE)
    calls = [use for use in (*uses(tmp_path), *member_uses(tmp_path)) if use.keywords]
    wrong = {use.name.rpartition(".")[2]: _unknown(use) for use in calls}
    assert wrong["disconnect"] == {"gently"}
    assert wrong["RoomConfiguration"] == {"colour"}
    assert wrong["AudioSource"] == {"queue_size_s"}
    assert set(private_names(tmp_path)) == {"_ffi"}
    owners = {use.name.rpartition(".")[0] for use in member_uses(tmp_path) if "disconnect_all" in use.name}
    assert [has_member(resolve(owner), "disconnect_all") for owner in owners] == [False]
    with pytest.raises(ImportError, match="SoundSource"):
        resolve(next(use.name for use in uses(tmp_path) if use.name.endswith("SoundSource")))


GONE = """
from livekit import api, rtc

async def leave(room: rtc.Room) -> None:
    await room.disconnect(gently=True)
    room.disconnect_all(room._ffi)
    rtc.AudioSource(48_000, 1, queue_size_s=1)
    rtc.SoundSource()
    api.RoomConfiguration(colour="red")
"""
