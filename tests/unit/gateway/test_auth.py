from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import HTTPConnection

from sottovoce.config import Settings
from sottovoce.errors import AuthError, ConfigError
from sottovoce.gateway.auth import KEY_FILE, KEY_PREFIX, Credentials, load_or_create_key
from sottovoce.gateway.guard import PROVENANCE, Provenance

CREDENTIALS = Credentials("sk-right", page_token="token")


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


def connection(provenance: Provenance, **headers: str) -> HTTPConnection:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    scope: dict[str, Any] = {"type": "http", "method": "POST", "headers": raw, "server": ("127.0.0.1", 8080)}
    return HTTPConnection(scope | {PROVENANCE: provenance})


def test_the_right_key_opens() -> None:
    CREDENTIALS.check(connection(Provenance.PROGRAM, authorization="Bearer sk-right"))
    CREDENTIALS.check(connection(Provenance.PROGRAM, authorization="bearer  sk-right"))


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Bearer sk-wrong", "Bearer sk-righ", "Basic sk-right", "Bearer \xff"],
)
def test_nothing_else_does(authorization: str) -> None:
    with pytest.raises(AuthError) as caught:
        CREDENTIALS.check(connection(Provenance.PROGRAM, authorization=authorization))
    assert caught.value.code == "invalid_api_key"
    assert "sk-right" not in caught.value.message


def test_the_cookie_opens_for_the_page_alone() -> None:
    cookie = "sottovoce_page_8080=token"
    CREDENTIALS.check(connection(Provenance.OWN_PAGE, cookie=cookie))
    for provenance in (Provenance.PROGRAM, Provenance.LISTED_PAGE, Provenance.UNPROVEN):
        with pytest.raises(AuthError):
            CREDENTIALS.check(connection(provenance, cookie=cookie))


@pytest.mark.parametrize("cookie", ["sottovoce_page_8080=old", "sottovoce_page_8081=token", "other=token"])
def test_another_servers_cookie_does_not(cookie: str) -> None:
    with pytest.raises(AuthError):
        CREDENTIALS.check(connection(Provenance.OWN_PAGE, cookie=cookie))


def test_a_wrong_key_is_not_made_good_by_the_cookie() -> None:
    with pytest.raises(AuthError, match="wrong"):
        CREDENTIALS.check(
            connection(
                Provenance.OWN_PAGE, cookie="sottovoce_page_8080=token", authorization="Bearer sk-wrong"
            )
        )


def test_browsers_send_the_key_as_a_subprotocol() -> None:
    given = connection(Provenance.OWN_PAGE)
    given.scope["subprotocols"] = ["realtime", "openai-insecure-api-key.sk-right"]
    CREDENTIALS.check(given)
    given.scope["subprotocols"] = ["realtime", "openai-insecure-api-key.sk-wrong"]
    with pytest.raises(AuthError):
        CREDENTIALS.check(given)


def test_secrets_stay_out_of_representations() -> None:
    assert "sk-right" not in repr(CREDENTIALS)
    assert "token" not in repr(CREDENTIALS).replace("page_token", "")
