import socket

import pytest

from sottovoce.errors import ConfigError
from sottovoce.services.child import SERVICE_KEY, ServiceOptions, run_service


async def app(scope: object, receive: object, send: object) -> None: ...


def test_the_key_comes_from_the_environment() -> None:
    options = ServiceOptions.from_environment(environment={SERVICE_KEY: "0123456789abcdef"})
    assert options.key == "0123456789abcdef"
    assert not options.is_key_generated
    assert "0123456789abcdef" not in repr(options)


def test_a_key_is_made_where_none_is_given() -> None:
    first, second = (ServiceOptions.from_environment(environment={}) for _ in range(2))
    assert first.is_key_generated
    assert len(first.key) >= 32
    assert first.key != second.key


@pytest.mark.parametrize("key", ["", "short"])
def test_a_short_key_is_refused(key: str) -> None:
    with pytest.raises(ConfigError, match=SERVICE_KEY):
        ServiceOptions.from_environment(environment={SERVICE_KEY: key})


def test_the_key_of_an_example_is_refused() -> None:
    with pytest.raises(ConfigError, match=f"{SERVICE_KEY} is still the example's"):
        ServiceOptions.from_environment(environment={SERVICE_KEY: "change-me-0123456789"})


def test_a_descriptor_that_is_no_socket_is_named() -> None:
    with pytest.raises(ConfigError, match="--fd 9999 is no socket"):
        run_service(app, ServiceOptions(fd=9999, key="k"))


def test_a_socket_that_does_not_listen_is_refused() -> None:
    with socket.socket() as sock:
        descriptor = sock.detach()
        with pytest.raises(ConfigError, match="does not listen"):
            run_service(app, ServiceOptions(fd=descriptor, key="k"))


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port}"):
            run_service(app, ServiceOptions(port=port, key="k"))
