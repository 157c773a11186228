from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from sottovoce.config import Settings
from sottovoce.errors import ConfigError
from sottovoce.gateway.server_key import KEY_FILE, KEY_PREFIX, load_or_create_key


def test_first_start_makes_a_key_only_its_owner_can_read(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    key = load_or_create_key(settings)
    path = settings.home / KEY_FILE
    assert key.startswith(KEY_PREFIX)
    assert len(key) >= len(KEY_PREFIX) + 43  # 256 bits in base64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.home.stat().st_mode) == 0o700
    assert load_or_create_key(settings) == key
    assert os.listdir(settings.home) == [KEY_FILE]


def test_two_homes_have_two_keys(tmp_path: Path) -> None:
    first, second = (load_or_create_key(Settings(home=tmp_path / name)) for name in "ab")
    assert first != second


def test_the_setting_wins_and_nothing_is_written(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", api_key="a-long-enough-key-of-mine")
    assert load_or_create_key(settings) == "a-long-enough-key-of-mine"
    assert not settings.home.exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_refuses_a_key_file_that_others_can_read(tmp_path: Path, mode: int) -> None:
    settings = Settings(home=tmp_path)
    load_or_create_key(settings)
    (tmp_path / KEY_FILE).chmod(mode)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_or_create_key(settings)


@pytest.mark.parametrize("content", [b"", b"\n", b"secret\n", b"\xff\xfe", KEY_PREFIX.encode() + b"a\nb"])
def test_refuses_a_key_file_without_a_key(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / KEY_FILE
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="holds no key"):
        load_or_create_key(Settings(home=tmp_path))


def test_says_so_where_the_home_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match=r"cannot be (made|read)"):
        load_or_create_key(Settings(home=tmp_path / "file"))


def test_two_servers_that_start_at_once_agree_on_one_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path)
    link, first = os.link, KEY_PREFIX + "of-the-one-that-was-faster"

    def be_late(draft: Path, path: Path) -> None:
        path.write_text(f"{first}\n")
        path.chmod(0o600)
        link(draft, path)

    monkeypatch.setattr(os, "link", be_late)
    assert load_or_create_key(settings) == first
    assert os.listdir(tmp_path) == [KEY_FILE]
