from __future__ import annotations

import pytest

from sottovoce.errors import ForbiddenError
from sottovoce.gateway.principal import Principal, Scope, is_guarded, scope_of


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("/v1/realtime", "realtime"),
        ("/v1/realtime/calls", "realtime"),
        ("/v1/realtime/client_secrets", "realtime"),
        ("/v1/audio/speech", "audio"),
        ("/v1/audio/transcriptions", "audio"),
        ("/v1/chat/completions", "chat"),
        ("/v1/models", None),
        ("/v1/models/a/b", None),
        ("/v1/realtimes", None),  # no such route
        ("/v1", None),
        ("/api/status", None),
        ("/api/keys", "admin"),
        ("/api/anything", "admin"),
        ("/api", "admin"),
        ("/api/status/of/keys", None),
    ],
)
def test_each_family_of_paths_has_its_scope(path: str, scope: Scope | None) -> None:
    assert is_guarded(path)
    assert scope_of(path) == scope


@pytest.mark.parametrize("path", ["/", "/livez", "/readyz", "/assets/v1", "/v10", "/apis"])
def test_the_rest_is_for_all(path: str) -> None:
    assert not is_guarded(path)


def test_a_secret_opens_realtime_and_not_even_the_models() -> None:
    holder = Principal("secret_1", "secret", frozenset({"realtime"}))
    holder.check_scope("/v1/realtime")
    holder.check_scope("/v1/realtime/calls/rtc_1/hangup")
    for path in ("/v1/models", "/v1/audio/speech", "/v1/nothing", "/api/status", "/api/keys"):
        with pytest.raises(ForbiddenError) as caught:
            holder.check_scope(path)
        assert caught.value.code == "insufficient_scope"


@pytest.mark.parametrize("own", ["realtime", "audio", "chat", "admin"])
def test_a_scope_opens_its_own_family_alone(own: Scope) -> None:
    principal = Principal("key_1", "key", frozenset({own}))
    families: dict[Scope, str] = {
        "realtime": "/v1/realtime",
        "audio": "/v1/audio/speech",
        "chat": "/v1/chat/completions",
        "admin": "/api/keys",
    }
    principal.check_scope("/v1/models")
    for scope, path in families.items():
        if scope == own:
            principal.check_scope(path)
        else:
            with pytest.raises(ForbiddenError) as caught:
                principal.check_scope(path)
            assert caught.value.code == "insufficient_scope"
