"""`sottovoce key`: made and shown once, listed without the key, revoked by name or id."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from sottovoce.cli.app import run
from sottovoce.gateway.keys import KEYS_FILE, KeyStore


@pytest.fixture
def store(home: Path) -> KeyStore:
    return KeyStore(home / KEYS_FILE)


def test_a_program_reads_the_new_key_alone(store: KeyStore, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["key", "create", "--name", "laptop"]) == 0
    shown = capsys.readouterr()
    key = store.find(shown.out.strip())
    assert key is not None
    assert (key.name, key.scopes) == ("laptop", ("realtime", "audio", "chat"))  # all but admin
    assert key.id in shown.err
    assert "only now" in shown.err


def test_scopes_are_those_asked_for(store: KeyStore) -> None:
    assert run(["key", "create", "--name", "ops", "--scope", "admin", "--scope", "chat"]) == 0
    assert [key.scopes for key in store.all()] == [("chat", "admin")]


def test_a_scope_that_is_none_is_named(store: KeyStore, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["key", "create", "--name", "ops", "--scope", "root"]) == 2
    error = capsys.readouterr().err
    assert "root" in error
    assert "realtime, audio, chat, admin" in error
    assert store.all() == []


def test_a_name_that_is_taken_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    run(["key", "create", "--name", "laptop"])
    assert run(["key", "create", "--name", "laptop"]) == 1
    assert "'laptop' already" in capsys.readouterr().err


def test_the_list_shows_everything_but_the_keys(store: KeyStore, capsys: pytest.CaptureFixture[str]) -> None:
    run(["key", "create", "--name", "laptop [bold]", "--scope", "audio"])
    secret = capsys.readouterr().out.strip()
    assert run(["key", "list"]) == 0
    shown = capsys.readouterr().out
    (key,) = store.all()
    day = f"{datetime.fromtimestamp(key.created).astimezone():%Y-%m-%d}"
    for part in (key.id, "laptop [bold]", "audio", day, f"…{secret[-4:]}"):
        assert part in shown
    assert secret not in shown
    assert run(["key", "list", "--json"]) == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert listed == {
        "id": key.id,
        "name": "laptop [bold]",
        "scopes": ["audio"],
        "created": key.created,
        "hint": secret[-4:],
    }


def test_an_empty_list_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["key", "list"]) == 0
    assert "key show" in capsys.readouterr().err
    assert run(["key", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_a_key_is_revoked_by_name_or_id(store: KeyStore, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("laptop", "phone"):
        run(["key", "create", "--name", name])
    assert run(["key", "revoke", "laptop"]) == 0
    assert run(["key", "revoke", store.all()[0].id]) == 0
    assert "phone is revoked" in capsys.readouterr().out
    assert store.all() == []
    assert run(["key", "revoke", "laptop"]) == 1
    assert "'laptop'" in capsys.readouterr().err


def test_damaged_keys_are_an_error_of_the_settings(
    home: Path, store: KeyStore, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / KEYS_FILE).write_bytes(b"damaged" * 100)
    (home / KEYS_FILE).chmod(0o600)
    for command in (["list"], ["create", "--name", "a"], ["revoke", "a"]):
        assert run(["key", *command]) == 2
        assert KEYS_FILE in capsys.readouterr().err.replace("\n", "")
