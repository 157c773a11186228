from __future__ import annotations

import stat
from pathlib import Path

import pytest

from sottovoce.config import Settings
from sottovoce.errors import ConfigError
from sottovoce.livekit.server.keys import KEYS_FILE, load_or_create_keys

SECRET = "s" * 32


def test_they_are_made_once_and_kept_for_their_owner_alone(home: Path) -> None:
    made = load_or_create_keys(Settings(home=home))
    assert len(made.secret) >= 43, "256 bits"
    assert made.key.startswith("API")
    assert stat.S_IMODE((home / KEYS_FILE).stat().st_mode) == 0o600
    assert load_or_create_keys(Settings(home=home)) == made
    assert made.secret not in repr(made)


def test_two_homes_have_two_pairs(tmp_path: Path) -> None:
    first, second = (load_or_create_keys(Settings(home=tmp_path / name)) for name in "ab")
    assert first.key != second.key
    assert first.secret != second.secret


def test_those_of_the_settings_win(home: Path) -> None:
    kept = load_or_create_keys(Settings(home=home))
    given = load_or_create_keys(Settings(home=home, livekit={"api_key": "APImine", "api_secret": SECRET}))
    assert (given.key, given.secret) == ("APImine", SECRET)
    assert load_or_create_keys(Settings(home=home)) == kept


def test_a_file_that_others_can_read_is_refused(home: Path) -> None:
    load_or_create_keys(Settings(home=home))
    (home / KEYS_FILE).chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_or_create_keys(Settings(home=home))


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("", "holds no pair"),
        ("APIx", "holds no pair"),
        (f"APIx: {SECRET}\nAPIy: {SECRET}", "holds no pair"),
        (f"AP\x1bIx: {SECRET}", "holds no pair"),
        (f"devkey: {SECRET}", "known to everybody"),
        ("APIx: secret", "known to everybody"),
        ("APIx: too-short", "shorter than 32"),
    ],
)
def test_a_file_without_a_good_pair_is_refused(home: Path, content: str, fault: str) -> None:
    path = home / KEYS_FILE
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match=fault) as refused:
        load_or_create_keys(Settings(home=home))
    assert SECRET not in str(refused.value)
