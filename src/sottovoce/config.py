"""The settings tree: `sottovoce.toml` < `SOTTOVOCE_*` environment < command-line flags.

`load()` is the one way in. It refuses what it does not know, naming the setting and the cure.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from platformdirs import user_data_path
from pydantic import (
    AnyUrl,
    BaseModel,
    ByteSize,
    ConfigDict,
    Field,
    HttpUrl,
    IPvAnyAddress,
    SecretStr,
    UrlConstraints,
    ValidationError,
    field_validator,
)

from sottovoce.errors import ConfigError

PREFIX = "SOTTOVOCE_"
CONFIG_FILE = "sottovoce.toml"
MIN_KEY_CHARACTERS = 16
MIN_LIVEKIT_SECRET_CHARACTERS = 32
"""What livekit-server asks for as well: the secret signs every token."""
PLACEHOLDER_KEYS = frozenset({"devkey", "secret", "changeme", "password", "apikey", "sk-1234", "test", "key"})
PLACEHOLDER_BEGINNINGS = ("change-me", "change_me", "changeme")
"""Of keys in examples, `deploy/.env.example` among them: whoever copies one is told to make their own."""

Profile: TypeAlias = Literal["auto", "embedded", "local", "whisper"]
"""Which engines run here. auto: the embedded ones until real models are there, then those. embedded: nothing
else, ever. local, whisper: the real ones, fetched first where they are missing."""
EngineKind: TypeAlias = Literal["stt", "llm", "tts"]
ENGINE_KINDS: tuple[EngineKind, ...] = ("stt", "llm", "tts")
MIN_UDP_PORT = 1024
"""Those below are the system's."""
MAX_PORT = 65_535
Port: TypeAlias = Annotated[int, Field(ge=0, le=MAX_PORT)]
Address: TypeAlias = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class EngineEndpoint:
    """Where one engine answers: `url` ends in `/v1`, as OpenAI's base URLs do."""

    kind: EngineKind
    url: str
    api_key: str
    model: str
    is_local: bool = True
    deadline: float | None = None
    """Seconds to the first of an answer (transcript, token, audio); None for the caller's own default."""

    @property
    def headers(self) -> dict[str, str]:
        """What a request carries: the key, where there is one; an empty bearer is no legal header."""
        return {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}


HANDED_DOWN = ("home", "max_upload_bytes", "max_audio_seconds")
"""The settings that reach the engine services that `serve` starts, beside `ENGINE_HANDED_DOWN`."""
ENGINE_HANDED_DOWN = ("threads", "provider", "context", "parallel", "gpu_layers", "thinking", "server")
"""The same of one engine's own, where it has them."""


class _Tree(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EngineSettings(_Tree):
    """One engine: `SOTTOVOCE_STT_URL`, `_MODEL`, `_API_KEY` and so on.

    With a `url` it is taken from elsewhere, and `model` is what that one is asked for. Without, `model` is a
    model to run here: a name of the catalogue, a folder, or a `.gguf` file. `fallbacks` are asked in their
    order when it fails: such models again, or "embedded"; None leaves the choice to the profile.
    """

    url: HttpUrl | None = None
    model: str | None = None
    api_key: SecretStr | None = None
    fallbacks: tuple[str, ...] | None = None
    deadline: Annotated[float, Field(gt=0, le=600)] | None = None
    """Seconds to the first of an answer, after which the engine counts as failed."""
    threads: Annotated[int, Field(ge=1, le=256)] | None = None
    provider: Literal["auto", "cpu", "cuda"] = "auto"

    @field_validator("api_key")
    @classmethod
    def _refuse_examples(cls, key: SecretStr | None) -> SecretStr | None:
        """No more than these: engines of others may take any word for a key."""
        if key is not None and is_from_an_example(key.get_secret_value()):
            raise ValueError(
                "is still the example's; put in the engine's own (make one: openssl rand -hex 32)"
            )
        return key

    @property
    def is_external(self) -> bool:
        return self.url is not None


class LlmSettings(EngineSettings):
    """What language models that run here have besides, all of it llama.cpp's."""

    context: Annotated[int, Field(ge=512, le=1 << 20)] | None = None
    """Tokens of one conversation: its instructions, tools, history and the reply."""
    parallel: Annotated[int, Field(ge=1, le=64)] | None = None
    """Replies at one time, each with a context of its own."""
    gpu_layers: Annotated[int, Field(ge=0, le=1000)] | None = None
    """Layers of the model on the GPU; None: as many as fit."""
    thinking: bool = False
    """Whether models that can may think before they answer; thoughts are never shown."""
    server: str | None = None
    """The `llama-server` program; None: the one on PATH, else the built-in one; "built-in" asks for that."""


LiveKitUrl: TypeAlias = Annotated[AnyUrl, UrlConstraints(allowed_schemes=["ws", "wss", "http", "https"])]


class LiveKitSettings(_Tree):
    """Rooms. With a `url` the LiveKit server is elsewhere and nothing is started for it; without, and with
    `server` "managed", `serve` runs one, and one worker beside it."""

    server: Literal["off", "managed"] = "off"
    url: LiveKitUrl | None = None
    api_key: SecretStr | None = None
    api_secret: SecretStr | None = None
    public_url: LiveKitUrl | None = None
    """Where clients find the server, when that is not `url`."""
    agent_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")] = "sottovoce"
    """Workers of this name are sent to the rooms that name it."""
    port: Port = 7880
    tcp_port: Port = 7881
    udp_port: Port = 7882
    node_ip: IPvAnyAddress | None = None
    """The address that clients send their media to; None finds one by where the server is bound."""
    program: str | None = None
    """The livekit-server to run; None: the one on PATH, else the one that `make livekit` built."""
    token_ttl: Annotated[int, Field(ge=10, le=86_400)] = 600
    """Seconds in which a token has to be used to join."""
    empty_timeout: Annotated[int, Field(ge=1, le=86_400)] = 60
    """Seconds for which a room that nobody joined yet is kept."""
    departure_timeout: Annotated[int, Field(ge=1, le=86_400)] = 20
    """Seconds for which a room that everybody left is kept: as long as a lost client may take to return."""
    max_participants: Annotated[int, Field(ge=2, le=1000)] = 10
    """Of one room; LiveKit does not count the assistant."""
    worker_host: str = "127.0.0.1"
    worker_port: Port = 8081
    """Where `sottovoce worker` answers /livez, /readyz and /metrics."""
    drain_timeout: Annotated[int, Field(ge=0, le=86_400)] = 1800
    """Seconds that a worker's calls get to end by themselves after it was asked to stop."""

    @property
    def is_remote(self) -> bool:
        return self.url is not None

    @property
    def is_managed(self) -> bool:
        return self.url is None and self.server == "managed"

    @property
    def is_on(self) -> bool:
        return self.is_remote or self.is_managed

    @field_validator("url", "public_url")
    @classmethod
    def _refuse_more_than_an_address(cls, given: AnyUrl | None) -> AnyUrl | None:
        """Clients are told it, and put their token behind it."""
        if given is not None and (given.username or given.password or given.query or given.fragment):
            raise ValueError("is an address alone, without a user, a password, a query or a fragment")
        return given

    @field_validator("api_key", "api_secret")
    @classmethod
    def _refuse_known_ones(cls, given: SecretStr | None) -> SecretStr | None:
        if given is not None and _has_space(given.get_secret_value()):
            raise ValueError("has white space in it, which no key has")
        if given is not None and is_known(given.get_secret_value()):
            raise ValueError("is a placeholder that everybody knows; make one: openssl rand -hex 32")
        return given

    @field_validator("api_secret")
    @classmethod
    def _refuse_a_short_one(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(secret.get_secret_value()) < MIN_LIVEKIT_SECRET_CHARACTERS:
            raise ValueError(
                f"is shorter than {MIN_LIVEKIT_SECRET_CHARACTERS} characters; make one: openssl rand -hex 32"
            )
        return secret


class Settings(_Tree):
    """Everything that can be set; the field names are the settings' names in lower case."""

    home: Path = Field(default_factory=lambda: user_data_path("sottovoce", appauthor=False))
    host: str = "127.0.0.1"
    port: Port = 8080
    profile: Profile = "auto"
    api_key: SecretStr | None = None
    behind_proxy: bool = False
    tls: bool | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    max_sessions: Annotated[int, Field(ge=1, le=1000)] = 8
    udp_ports: str | None = None
    advertised_address: IPvAnyAddress | None = None
    max_upload_bytes: Annotated[ByteSize, Field(ge=1 << 10, le=1 << 36)] = ByteSize(256 << 20)
    max_audio_seconds: Annotated[float, Field(gt=0, le=7 * 86_400)] = 7200.0
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    open_browser: bool = True
    instructions: str | None = None
    offline: bool = False
    hub_url: HttpUrl = HttpUrl("https://huggingface.co")
    stt: EngineSettings = EngineSettings()
    llm: LlmSettings = LlmSettings()
    tts: EngineSettings = EngineSettings()
    livekit: LiveKitSettings = LiveKitSettings()
    models: tuple[dict[str, Any], ...] = ()
    """Further entries of the catalogue, in the file alone: `[[models]]`. `models.catalogue` reads them."""

    @field_validator("api_key")
    @classmethod
    def _refuse_placeholders(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and _is_placeholder(key.get_secret_value()):
            raise ValueError(
                f"is a placeholder or shorter than {MIN_KEY_CHARACTERS} characters; "
                "unset it to have one made (`sottovoce key show`)"
            )
        if key is not None and key.get_secret_value().startswith("ek_"):
            raise ValueError("begins like an ephemeral secret (ek_); choose another")
        return key

    @field_validator("udp_ports")
    @classmethod
    def _refuse_no_range(cls, ports: str | None) -> str | None:
        if ports is not None:
            _port_range(ports)
        return ports

    @field_validator("advertised_address")
    @classmethod
    def _refuse_nobodys_address(cls, address: Address | None) -> Address | None:
        if address is not None and (address.is_unspecified or address.is_multicast):
            raise ValueError("is no address that anybody could send to")
        return address

    @property
    def udp_port_range(self) -> range | None:
        """The ports that calls may use; None for any."""
        return None if self.udp_ports is None else _port_range(self.udp_ports)

    @property
    def has_tls(self) -> bool:
        """Whether the server itself speaks TLS: asked for, or given the files for it."""
        return self.tls_cert is not None if self.tls is None else self.tls

    @property
    def is_loopback(self) -> bool:
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    def engine(self, kind: EngineKind) -> EngineSettings:
        settings = getattr(self, kind)
        assert isinstance(settings, EngineSettings)
        return settings

    @property
    def handed_down(self) -> dict[str, str]:
        """The environment of an engine service; `load_handed_down` reads it back."""
        own = {PREFIX + name.upper(): str(getattr(self, name)) for name in HANDED_DOWN}
        for kind in ENGINE_KINDS:
            for name in ENGINE_HANDED_DOWN:
                if (value := getattr(self.engine(kind), name, None)) is not None:
                    own[f"{PREFIX}{kind}_{name}".upper()] = str(value)
        return own


def load(
    flags: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    file: Path | None = None,
) -> Settings:
    """Read the settings; flags that are None count as not given. Raises `ConfigError`."""
    given: dict[str, Any] = {}
    _merge(given, _from_file(file or Path(CONFIG_FILE), is_required=file is not None))
    _merge(given, _from_environment(os.environ if environment is None else environment))
    _merge(given, {name: value for name, value in (flags or {}).items() if value is not None})
    try:
        settings = Settings.model_validate(given)
    except ValidationError as error:
        raise _config_error(error) from None
    _refuse_half_a_certificate(settings)
    _refuse_open_bind(settings)
    _refuse_half_a_livekit(settings.livekit)
    return settings


def load_handed_down(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings as a service started by `serve` has them: files and flags were its parent's to read.

    Raises `ConfigError`.
    """
    given = _from_environment(os.environ if environment is None else environment)
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        raise _config_error(error) from None


def _refuse_half_a_certificate(settings: Settings) -> None:
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise ConfigError(
            "SOTTOVOCE_TLS_CERT and SOTTOVOCE_TLS_KEY belong together: give both files, or neither to have a "
            "certificate made (--tls).",
            param="tls_cert" if settings.tls_cert is None else "tls_key",
        )


def _refuse_open_bind(settings: Settings) -> None:
    if not (settings.is_loopback or settings.behind_proxy or settings.has_tls):
        raise ConfigError(
            f"SOTTOVOCE_HOST={settings.host} would serve others without TLS. Pass --tls, or --behind-proxy "
            "when a proxy that speaks TLS stands in front, or bind 127.0.0.1.",
            param="host",
        )


def _refuse_half_a_livekit(livekit: LiveKitSettings) -> None:
    if (livekit.api_key is None) != (livekit.api_secret is None):
        raise ConfigError("LIVEKIT_API_KEY and LIVEKIT_API_SECRET belong together: give both or neither.")
    if livekit.is_remote and livekit.api_key is None:
        raise ConfigError(
            "LIVEKIT_URL names a LiveKit server, which asks for LIVEKIT_API_KEY and LIVEKIT_API_SECRET.",
            param="livekit_api_key",
        )


def _port_range(ports: str) -> range:
    first, _, last = ports.partition("-")
    if not (first.isascii() and first.isdigit() and last.isascii() and last.isdigit()):
        raise ValueError("is no range of ports; write it as 40000-40100")
    if not MIN_UDP_PORT <= int(first) <= int(last) <= MAX_PORT:
        raise ValueError(f"is no range of ports within {MIN_UDP_PORT} and {MAX_PORT}, the smaller one first")
    return range(int(first), int(last) + 1)


def is_from_an_example(key: str) -> bool:
    """Whether it was copied and never replaced."""
    return key.lower().startswith(PLACEHOLDER_BEGINNINGS)


def is_known(key: str) -> bool:
    """Whether it is a placeholder, which anybody may guess."""
    return key.lower() in PLACEHOLDER_KEYS or is_from_an_example(key)


def _has_space(key: str) -> bool:
    return any(character.isspace() for character in key)


def _is_placeholder(key: str) -> bool:
    return len(key) < MIN_KEY_CHARACTERS or is_known(key)


def _from_file(path: Path, *, is_required: bool) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if is_required:
            raise ConfigError(f"{path}: there is no such file.") from None
        return {}
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error


LISTS = frozenset({"allowed_hosts", "allowed_origins", "fallbacks"})
"""Settings of several values: separated by commas in the environment."""
FILE_ONLY = frozenset({"models"})
"""Settings that are tables, which no environment variable could hold."""
LIVEKIT_VARIABLES = {
    "server": "SOTTOVOCE_LIVEKIT",
    "url": "LIVEKIT_URL",
    "api_key": "LIVEKIT_API_KEY",
    "api_secret": "LIVEKIT_API_SECRET",
}
"""LiveKit's own programs use the last three, and so do we; the others follow the common pattern."""
RESERVED_VARIABLES = frozenset({"SOTTOVOCE_SERVICE_KEY", "SOTTOVOCE_SERVICE_MODEL"})
"""Set by the supervisor for its children; no setting of the user's."""


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    known = variables()
    given: dict[str, Any] = {}
    for variable, value in environment.items():
        is_ours = variable.startswith(PREFIX) or variable in known
        if not is_ours or variable in RESERVED_VARIABLES:
            continue
        if variable not in known:
            raise ConfigError(_unknown(variable, known), param=variable)
        *groups, name = known[variable]
        branch = given
        for group in groups:
            branch = branch.setdefault(group, {})
        branch[name] = _split(value) if name in LISTS else value
    return given


def _split(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def variables() -> dict[str, tuple[str, ...]]:
    """Every environment variable with its path in the tree."""
    paths: list[tuple[str, ...]] = []
    for name, info in Settings.model_fields.items():
        if name in FILE_ONLY:
            continue
        if isinstance(info.annotation, type) and issubclass(info.annotation, _Tree):
            paths += [(name, inner) for inner in info.annotation.model_fields]
        else:
            paths.append((name,))
    return {variable_of(path): path for path in paths}


def variable_of(path: tuple[str, ...]) -> str:
    """The environment variable of the setting at `path` in the tree."""
    if path[0] == "livekit" and path[-1] in LIVEKIT_VARIABLES:
        return LIVEKIT_VARIABLES[path[-1]]
    return PREFIX + "_".join(path).upper()


def _unknown(variable: str, known: Mapping[str, object]) -> str:
    bare = variable.removeprefix(PREFIX)  # of LiveKit's own names
    near = [bare] if bare in known else difflib.get_close_matches(variable, known, n=1)
    hint = f" Did you mean {near[0]}?" if near else " `sottovoce serve --help` lists the settings."
    return f"{variable} is no setting of Sottovoce.{hint}"


def _merge(into: dict[str, Any], other: Mapping[str, Any]) -> None:
    for name, value in other.items():
        if isinstance(value, Mapping) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = dict(value) if isinstance(value, Mapping) else value


def _config_error(error: ValidationError) -> ConfigError:
    fault = error.errors(include_url=False, include_context=False)[0]
    path = tuple(str(part) for part in fault["loc"])
    name, variable = "_".join(path), variable_of(path)
    if fault["type"] == "extra_forbidden":
        return ConfigError(_unknown(variable, variables()), param=name)
    is_secret = "key" in name or "secret" in name or "@" in str(fault["input"])  # of a URL with a password
    given = "" if is_secret else f" (given: {fault['input']!r})"
    message = fault["msg"].removeprefix("Value error, ")
    return ConfigError(f"{variable}: {message}{given}", param=name)
