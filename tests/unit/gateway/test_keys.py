"""Named keys in their file: made, listed, found, revoked, by several processes and after accidents."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sottovoce.errors import ConfigError, InvalidRequestError, NotFoundError
from sottovoce.gateway import keys as keys_module
from sottovoce.gateway.keys import MAX_NAME_CHARACTERS, KeyStore
from sottovoce.gateway.server_key import KEY_PREFIX


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / "home" / "keys.sqlite3", now=lambda: 1_700_000_000.9)


def test_a_key_is_made_and_found(store: KeyStore) -> None:
    key, secret = store.create("my laptop", ("chat", "realtime"))
    assert secret.startswith(KEY_PREFIX)
    assert len(secret) == len(KEY_PREFIX) + 43  # 256 bits in base64
    assert (key.name, key.scopes, key.created) == ("my laptop", ("realtime", "chat"), 1_700_000_000)
    assert secret.endswith(key.hint)
    assert len(key.hint) == 4
    assert store.find(secret) == key
    assert store.get(key.id) == key
    assert store.all() == [key]


def test_a_key_is_kept_as_a_hash_only(store: KeyStore) -> None:
    _, secret = store.create("laptop", ("audio",))
    for file in store.path.parent.iterdir():
        assert secret.encode() not in file.read_bytes()
        assert secret[len(KEY_PREFIX) : -4].encode() not in file.read_bytes()


def test_the_file_is_its_owners(store: KeyStore) -> None:
    store.create("laptop", ("audio",))
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("given", ["", "sk-sottovoce-", "\xff", "x" * 10_000])
def test_a_wrong_key_is_not_found(store: KeyStore, given: str) -> None:
    assert store.find(given) is None
    _, secret = store.create("laptop", ("audio",))
    assert store.find(given) is None
    assert store.find(secret[:-1]) is None
    assert store.find(secret + "x") is None


def test_before_the_first_key_there_is_no_file(store: KeyStore) -> None:
    assert store.all() == []
    assert store.find("sk-any") is None
    assert store.get("key_any") is None
    assert not store.path.parent.exists()


@pytest.mark.parametrize("by", ["name", "id"])
def test_a_revoked_key_is_gone(store: KeyStore, by: str) -> None:
    kept, kept_secret = store.create("phone", ("audio",))
    key, secret = store.create("laptop", ("audio",))
    assert store.revoke(getattr(key, by)) == key
    assert store.find(secret) is None
    assert store.get(key.id) is None
    assert store.find(kept_secret) == kept
    with pytest.raises(NotFoundError, match="key list"):
        store.revoke(getattr(key, by))
    store.create("laptop", ("audio",))  # the name is free again


def test_a_name_is_given_once(store: KeyStore) -> None:
    store.create("laptop", ("audio",))
    with pytest.raises(InvalidRequestError, match="already") as caught:
        store.create("laptop", ("chat",))
    assert caught.value.param == "name"
    assert len(store.all()) == 1


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "\x1b[2J", "key_1", "x" * (MAX_NAME_CHARACTERS + 1)])
def test_a_name_can_be_read_and_is_no_id(store: KeyStore, name: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        store.create(name, ("audio",))
    assert caught.value.param == "name"
    assert store.all() == []


def test_there_are_not_more_than_a_request_can_be_compared_with(
    store: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys_module, "MAX_KEYS", 2)
    store.create("a", ("audio",))
    store.create("b", ("audio",))
    with pytest.raises(InvalidRequestError, match="Revoke"):
        store.create("c", ("audio",))
    store.revoke("a")
    store.create("c", ("audio",))


def test_what_another_store_did_counts_at_once(store: KeyStore) -> None:
    other = KeyStore(store.path)
    key, secret = other.create("laptop", ("audio",))
    assert store.find(secret) is not None
    other.revoke(key.id)
    assert store.find(secret) is None


def test_a_file_that_was_put_back_from_a_backup_counts_at_once(store: KeyStore) -> None:
    _, secret = store.create("laptop", ("audio",))
    backup = store.path.read_bytes()
    store.revoke("laptop")
    restored = store.path.with_name("restored")
    restored.write_bytes(backup)
    restored.chmod(0o600)
    restored.replace(store.path)
    assert store.find(secret) is not None


WRITER = """
import sys
from pathlib import Path
from sottovoce.gateway.keys import KeyStore
store = KeyStore(Path(sys.argv[1]))
sys.stdin.read()
for number in range(8):
    store.create(f"{sys.argv[2]} {number}", ("audio",))
store.revoke(f"{sys.argv[2]} 0")
"""


def test_two_processes_that_write_at_once_lose_nothing(store: KeyStore) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(store.path), name], stdin=subprocess.PIPE)
        for name in ("a", "b")
    ]
    for process in processes:  # both are started: their standard input lets them go
        process.communicate()
        assert process.returncode == 0
    assert {key.name for key in store.all()} == {
        f"{name} {number}" for name in "ab" for number in range(1, 8)
    }


def test_a_process_that_died_while_writing_leaves_the_keys_whole(store: KeyStore) -> None:
    _, secret = store.create("laptop", ("audio",))
    dying = """
import os, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA cache_spill = 1"); database.execute("PRAGMA cache_size = 1")
database.execute("BEGIN IMMEDIATE")
database.execute("DELETE FROM keys")
for number in range(2000):
    row = (str(number), str(number), os.urandom(32))
    database.execute("INSERT INTO keys VALUES (?, ?, ?, '', '', 0)", row)
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", dying, str(store.path)], check=False)
    assert store.path.with_name(store.path.name + "-journal").exists()  # it died in the middle
    assert [key.name for key in store.all()] == ["laptop"]
    assert store.find(secret) is not None


@pytest.mark.parametrize("content", [b"not a database" * 100, b"SQLite format 3\0" + b"\xff" * 4000])
def test_a_damaged_file_is_named_with_its_cure(store: KeyStore, content: bytes) -> None:
    store.create("laptop", ("audio",))
    store.path.write_bytes(content)
    for use in (store.all, lambda: store.find("x"), lambda: store.create("a", ("audio",))):
        with pytest.raises(ConfigError, match="backup") as caught:
            use()
        assert str(store.path) in caught.value.message


def test_a_truncated_file_is_damaged_or_empty_but_opens_nothing(store: KeyStore) -> None:
    _, secret = store.create("laptop", ("audio",))
    whole = store.path.read_bytes()
    store.path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ConfigError):
        store.find(secret)
    store.path.write_bytes(b"")
    assert store.find(secret) is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_can_use_is_refused(store: KeyStore, mode: int) -> None:
    store.create("laptop", ("audio",))
    store.path.chmod(mode)
    with pytest.raises(ConfigError, match="chmod 600"):
        store.all()


def test_a_newer_file_is_left_alone(store: KeyStore) -> None:
    store.create("laptop", ("audio",))
    database = sqlite3.connect(store.path)
    database.execute("PRAGMA user_version = 99")
    database.close()
    for use in (store.all, lambda: store.create("a", ("audio",))):
        with pytest.raises(ConfigError, match="newer"):
            use()


def test_a_locked_file_is_waited_for_and_then_named(store: KeyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.create("laptop", ("audio",))
    monkeypatch.setattr(keys_module, "LOCK_TIMEOUT", 0.01)
    database = sqlite3.connect(store.path, isolation_level=None)
    database.execute("BEGIN EXCLUSIVE")
    with pytest.raises(ConfigError, match="locked"):
        store.create("b", ("audio",))
    database.execute("ROLLBACK")
    database.close()
    store.create("b", ("audio",))


def test_a_home_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = KeyStore(tmp_path / "file" / "keys.sqlite3")
    with pytest.raises(ConfigError, match="SOTTOVOCE_HOME"):
        store.create("laptop", ("audio",))
    with pytest.raises(ConfigError, match="cannot be read"):
        store.all()


def test_a_file_that_cannot_be_written_is_named(store: KeyStore) -> None:
    store.path.mkdir(parents=True)
    with pytest.raises(ConfigError, match="cannot be written"):
        store.create("b", ("audio",))
