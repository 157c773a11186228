"""Ephemeral secrets by a clock of ours: how long they serve, how many there are, what is told of old ones."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from sottovoce.errors import AuthError, LimitExceededError
from sottovoce.gateway import client_secrets
from sottovoce.gateway.client_secrets import MAX_LIVE_SECRETS, ClientSecrets
from sottovoce.gateway.principal import Principal
from sottovoce.realtime.session_config import read_session

MINTER = Principal("key_1", "key", frozenset({"realtime"}), key_id="key_1")
OTHER = Principal("server", "key", frozenset({"realtime", "admin"}))


@dataclass
class Clock:
    now: float = 1_700_000_000.25

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def secrets(clock: Clock) -> ClientSecrets:
    return ClientSecrets(clock)


def test_a_secret_has_its_form_and_its_end(secrets: ClientSecrets) -> None:
    value, expires_at = secrets.mint(MINTER, 600, None)
    assert value.startswith("ek_")
    assert len(value) == 3 + 43  # 256 bits in base64
    assert expires_at == 1_700_000_600
    assert secrets.mint(MINTER, 600, None)[0] != value


def test_it_serves_many_times_until_it_expires(secrets: ClientSecrets, clock: Clock) -> None:
    config = read_session({"type": "realtime", "instructions": "Be brief."})
    value, expires_at = secrets.mint(MINTER, 10, config)
    holder = secrets.find(value)
    assert secrets.find(value) is holder
    assert (holder.kind, holder.scopes, holder.key_id) == ("secret", {"realtime"}, "key_1")
    assert holder.session is config
    clock.now = expires_at - 0.1
    secrets.find(value)
    clock.now = expires_at
    for _ in range(2):
        with pytest.raises(AuthError, match="expired") as caught:
            secrets.find(value)
        assert caught.value.code == "client_secret_expired"
        assert caught.value.http_status == 401


def test_a_secret_has_no_more_scopes_than_it_needs(secrets: ClientSecrets) -> None:
    value, _ = secrets.mint(OTHER, 600, None)
    assert secrets.find(value).scopes == {"realtime"}
    assert secrets.find(value).key_id is None


@pytest.mark.parametrize(
    "change", [lambda v: v + "x", lambda v: v[:-1], lambda v: "ek_", lambda v: "ek_\xff"]
)
def test_a_wrong_one_is_unknown(secrets: ClientSecrets, change: object) -> None:
    value, _ = secrets.mint(MINTER, 600, None)
    with pytest.raises(AuthError, match="last start") as caught:
        secrets.find(change(value))  # type: ignore[operator]
    assert caught.value.code == "invalid_api_key"


def test_two_holders_are_two(secrets: ClientSecrets) -> None:
    one, two = (secrets.find(secrets.mint(MINTER, 600, None)[0]) for _ in range(2))
    assert one != two


def test_one_key_cannot_fill_the_memory_nor_shut_out_another(secrets: ClientSecrets, clock: Clock) -> None:
    for _ in range(MAX_LIVE_SECRETS - 1):
        secrets.mint(MINTER, 600, None)
    secrets.mint(MINTER, 30, None)
    with pytest.raises(LimitExceededError) as caught:
        secrets.mint(MINTER, 600, None)
    assert caught.value.http_status == 429
    assert caught.value.retry_after == pytest.approx(29.75)
    secrets.mint(OTHER, 600, None)
    clock.now += 30
    secrets.mint(MINTER, 600, None)


def test_the_expired_are_remembered_for_a_while_only(
    secrets: ClientSecrets, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_secrets, "MAX_EXPIRED_SECRETS", 3)
    values = []
    for _ in range(5):
        values.append(secrets.mint(MINTER, 10, None)[0])
        clock.now += 11
    codes = []
    for value in values:
        with pytest.raises(AuthError) as caught:
            secrets.find(value)
        codes.append(caught.value.code)
    assert codes == ["invalid_api_key"] * 2 + ["client_secret_expired"] * 3


def test_secrets_are_kept_as_hashes(secrets: ClientSecrets, clock: Clock) -> None:
    value, _ = secrets.mint(MINTER, 10, None)
    assert value not in repr(vars(secrets))
    assert value not in repr(secrets.find(value))
