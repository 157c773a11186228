"""Settings: three sources in order, and refusals that name the setting and the cure."""

from __future__ import annotations

from pathlib import Path

import pytest

from sottovoce.config import PLACEHOLDER_KEYS, Settings, load, load_handed_down, variables
from sottovoce.errors import ConfigError

GOOD_KEY = "sk-a-key-of-decent-length"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sottovoce.toml"


def test_without_any_source_the_defaults_hold() -> None:
    settings = load(environment={})
    assert (settings.host, settings.port, settings.profile) == ("127.0.0.1", 8080, "auto")
    assert settings.home.name == "sottovoce"
    assert not settings.stt.is_external


def test_flags_win_over_environment_and_environment_over_file(file: Path) -> None:
    file.write_text('port = 1001\nmax_sessions = 3\nlog_level = "debug"\n')
    settings = load(
        {"port": 1003, "log_level": None}, {"SOTTOVOCE_PORT": "1002", "SOTTOVOCE_MAX_SESSIONS": "4"}, file
    )
    assert (settings.port, settings.max_sessions, settings.log_level) == (1003, 4, "debug")


def test_the_file_in_the_working_folder_is_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("port = 1001\n")
    monkeypatch.chdir(file.parent)
    assert load(environment={}).port == 1001


def test_one_engine_may_come_half_from_the_file_and_half_from_the_environment(file: Path) -> None:
    file.write_text('[llm]\nurl = "http://127.0.0.1:9000/v1"\nmodel = "small"\n')
    llm = load(environment={"SOTTOVOCE_LLM_MODEL": "large"}, file=file).engine("llm")
    assert llm.is_external
    assert (str(llm.url), llm.model) == ("http://127.0.0.1:9000/v1", "large")


def test_lists_are_separated_by_commas_in_the_environment() -> None:
    settings = load(environment={"SOTTOVOCE_ALLOWED_HOSTS": "voice.lan, voice.example ,"})
    assert settings.allowed_hosts == ("voice.lan", "voice.example")


def test_other_programs_variables_are_left_alone() -> None:
    assert load(environment={"PATH": "/bin", "SOTTOVOCE_SERVICE_KEY": "x" * 20}).port == 8080


def test_every_setting_that_is_no_table_has_a_variable() -> None:
    assert {path[0] for path in variables().values()} == set(Settings.model_fields) - {"models"}
    with pytest.raises(ConfigError, match="SOTTOVOCE_MODELS is no setting"):
        load(environment={"SOTTOVOCE_MODELS": "[]"})


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"SOTTOVOCE_PROT": "80"}, "SOTTOVOCE_PORT"),
        ({"SOTTOVOCE_PORT": "eighty"}, "SOTTOVOCE_PORT.*eighty"),
        ({"SOTTOVOCE_PORT": "70000"}, "SOTTOVOCE_PORT.*65535"),
        ({"SOTTOVOCE_PROFILE": "grand"}, "SOTTOVOCE_PROFILE.*grand"),
        ({"SOTTOVOCE_MAX_SESSIONS": "0"}, "SOTTOVOCE_MAX_SESSIONS"),
        ({"SOTTOVOCE_STT_URL": "not a url"}, "SOTTOVOCE_STT_URL"),
        ({"SOTTOVOCE_STT_COLOUR": "red"}, "SOTTOVOCE_STT_COLOUR"),
    ],
)
def test_a_wrong_name_or_value_is_named(environment: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(environment=environment)


def test_a_misspelt_name_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match=r"SOTTOVOCE_PROT.*SOTTOVOCE_PORT"):
        load(environment={"SOTTOVOCE_PROT": "80"})


@pytest.mark.parametrize("text", ["prot = 1\n", "[llm]\nulr = 'x'\n"])
def test_an_unknown_name_in_the_file_is_named(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"PROT|ULR"):
        load(environment={}, file=file)


@pytest.mark.parametrize("content", [b"port = \n", b"\xff\xfe"])
def test_a_file_that_is_no_toml_is_named(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"sottovoce\.toml"):
        load(environment={}, file=file)


def test_a_file_that_was_asked_for_must_be_there(file: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load(environment={}, file=file)


@pytest.mark.parametrize("key", [*sorted(PLACEHOLDER_KEYS), "CHANGEME", "fifteen-letters", ""])
def test_placeholder_keys_are_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(ConfigError, match="SOTTOVOCE_API_KEY") as caught:
        load(environment={"SOTTOVOCE_API_KEY": key})
    assert "given:" not in caught.value.message


@pytest.mark.parametrize(
    "url",
    [
        "wss://ann:hunter2@rooms.example",
        "wss://rooms.example/?a=b",
        "wss://rooms.example/#a",
        "wss://hunter2@a",
    ],
)
@pytest.mark.parametrize("name", ["LIVEKIT_URL", "SOTTOVOCE_LIVEKIT_PUBLIC_URL"])
def test_a_livekit_url_is_an_address_alone(name: str, url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(environment={name: url})
    assert refused.value.message.startswith(f"{name}: is an address alone")
    assert "hunter2" not in refused.value.message


@pytest.mark.parametrize(
    "name", ["SOTTOVOCE_API_KEY", "SOTTOVOCE_STT_API_KEY", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"]
)
@pytest.mark.parametrize("beginning", ["change-me", "CHANGE_ME", "changeme"])
def test_keys_of_examples_are_refused_and_not_repeated(name: str, beginning: str) -> None:
    pair = {"LIVEKIT_API_KEY": "APIgood", "LIVEKIT_API_SECRET": GOOD_KEY * 2}
    with pytest.raises(ConfigError, match=name) as caught:
        load(environment=pair | {name: f"{beginning}-canary-0123456789-0123456789"})
    assert "canary" not in caught.value.message


@pytest.mark.parametrize("given", [" DevKey ", "devkey\n", "API good"])
def test_no_white_space_hides_a_placeholder(given: str) -> None:
    with pytest.raises(ConfigError, match="LIVEKIT_API_KEY: has white space"):
        load(environment={"LIVEKIT_API_KEY": given, "LIVEKIT_API_SECRET": GOOD_KEY * 2})


def test_our_prefix_before_a_name_of_livekit_is_found_out() -> None:
    with pytest.raises(ConfigError, match="Did you mean LIVEKIT_API_KEY"):
        load(environment={"SOTTOVOCE_LIVEKIT_API_KEY": GOOD_KEY})


def test_engines_of_others_may_take_any_word_for_a_key() -> None:
    assert load(environment={"SOTTOVOCE_LLM_API_KEY": "key"}).llm.api_key is not None


def test_a_key_is_never_shown() -> None:
    settings = load(environment={"SOTTOVOCE_API_KEY": GOOD_KEY, "SOTTOVOCE_LLM_API_KEY": GOOD_KEY})
    assert GOOD_KEY not in repr(settings)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "voice.lan", "203.0.113.9"])
def test_an_open_bind_needs_tls_or_a_proxy(host: str) -> None:
    with pytest.raises(ConfigError, match="--behind-proxy"):
        load({"host": host}, {})
    assert load({"host": host, "behind_proxy": True}, {}).host == host
    assert load({"host": host, "tls": True}, {}).host == host


@pytest.mark.parametrize(
    ("environment", "has_tls"),
    [
        ({}, False),
        ({"TLS": "true"}, True),
        ({"TLS_CERT": "a.pem", "TLS_KEY": "b.pem"}, True),
        ({"TLS": "false", "TLS_CERT": "a.pem", "TLS_KEY": "b.pem"}, False),
    ],
)
def test_tls_is_asked_for_or_given_files(environment: dict[str, str], has_tls: bool) -> None:
    given = {f"SOTTOVOCE_{name}": value for name, value in environment.items()}
    assert load({}, given).has_tls is has_tls


@pytest.mark.parametrize(("given", "missing"), [("tls_cert", "tls_key"), ("tls_key", "tls_cert")])
def test_half_a_certificate_is_none(given: str, missing: str) -> None:
    with pytest.raises(ConfigError, match="belong together") as caught:
        load({given: "a.pem", "tls": True}, {})
    assert caught.value.param == missing


def test_a_key_that_looks_like_an_ephemeral_secret_is_refused() -> None:
    with pytest.raises(ConfigError, match="ek_") as caught:
        load({}, {"SOTTOVOCE_API_KEY": "ek_0123456789abcdef-canary"})
    assert "canary" not in caught.value.message


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.53", "::1", "localhost"])
def test_loopback_needs_none(host: str) -> None:
    assert load({"host": host}, {}).is_loopback


def test_the_limit_of_uploads_takes_units() -> None:
    assert load(environment={"SOTTOVOCE_MAX_UPLOAD_BYTES": "1.5GiB"}).max_upload_bytes == 3 << 29
    assert load(environment={"SOTTOVOCE_MAX_UPLOAD_BYTES": "25000000"}).max_upload_bytes == 25_000_000


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SOTTOVOCE_MAX_UPLOAD_BYTES", "10"),
        ("SOTTOVOCE_MAX_UPLOAD_BYTES", "much"),
        ("SOTTOVOCE_MAX_UPLOAD_BYTES", "-1MB"),
        ("SOTTOVOCE_MAX_AUDIO_SECONDS", "0"),
        ("SOTTOVOCE_MAX_AUDIO_SECONDS", "nan"),
        ("SOTTOVOCE_MAX_AUDIO_SECONDS", "inf"),
    ],
)
def test_limits_of_uploads_that_are_none_are_refused(variable: str, value: str) -> None:
    with pytest.raises(ConfigError, match=variable):
        load(environment={variable: value})


def test_a_service_is_handed_down_its_settings_and_reads_no_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text("max_audio_seconds = 3\nno_setting = 1\n")
    monkeypatch.chdir(file.parent)
    parent = Settings(home=file.parent, max_upload_bytes=2048, max_audio_seconds=60)
    child = load_handed_down(parent.handed_down)
    assert (child.home, child.max_upload_bytes, child.max_audio_seconds) == (file.parent, 2048, 60.0)
    with pytest.raises(ConfigError, match="SOTTOVOCE_MAX_AUDIO_SECONDS"):
        load_handed_down({"SOTTOVOCE_MAX_AUDIO_SECONDS": "-1"})


def test_a_range_of_udp_ports_and_an_address_for_callers() -> None:
    settings = load(
        environment={"SOTTOVOCE_UDP_PORTS": "40000-40100", "SOTTOVOCE_ADVERTISED_ADDRESS": "192.0.2.10"}
    )
    assert settings.udp_port_range == range(40_000, 40_101)
    assert str(settings.advertised_address) == "192.0.2.10"
    assert load(environment={}).udp_port_range is None


@pytest.mark.parametrize(
    "ports", ["", "40000", "40100-40000", "80-90", "60000-70000", "a-b", "-", "1-2-3", "٤٠٠٠٠-٤٠١٠٠"]
)
def test_what_is_no_range_of_udp_ports_is_refused(ports: str) -> None:
    with pytest.raises(ConfigError, match="SOTTOVOCE_UDP_PORTS: is no range of ports"):
        load(environment={"SOTTOVOCE_UDP_PORTS": ports})


@pytest.mark.parametrize("address", ["voice.example", "0.0.0.0", "::", "224.0.0.1", "192.0.2.0/24"])
def test_what_callers_cannot_send_to_is_not_advertised(address: str) -> None:
    with pytest.raises(ConfigError, match="SOTTOVOCE_ADVERTISED_ADDRESS"):
        load(environment={"SOTTOVOCE_ADVERTISED_ADDRESS": address})
