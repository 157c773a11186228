"""Certificates made, renewed, given and refused; handshakes happen in memory."""

from __future__ import annotations

import asyncio
import logging
import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sottovoce.config import Settings
from sottovoce.errors import ConfigError
from sottovoce.gateway import tls
from sottovoce.gateway.certificate import LIFETIME, self_signed
from sottovoce.gateway.tls import ServerTls, certificate_file, client_context
from sottovoce.machine_names import host_names, network_addresses

NOW = datetime.now(UTC)
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def server(home: Path, now: datetime = NOW, **settings: object) -> ServerTls:
    return ServerTls(Settings(home=home, tls=True, **settings), now=lambda: now)  # type: ignore[arg-type]


def handshake(serving: ssl.SSLContext, client: ssl.SSLContext, name: str = "127.0.0.1") -> ssl.SSLObject:
    """The client's side of a connection, agreed upon. Raises `ssl.SSLError`."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = client.wrap_bio(to_client, to_server, server_hostname=name)
    other = serving.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (one, other):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return one


def verifying(certificate: Path, flags: int = 0) -> ssl.SSLContext:
    """As a client of another machine trusts the certificate: by chain and name."""
    context = ssl.create_default_context(cafile=str(certificate))
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VerifyFlags(flags)
    return context


def write_pair(folder: Path, names: tuple[str, ...] = LOOPBACK, now: datetime = NOW) -> dict[str, Path]:
    pem = self_signed(names, now)
    at = pem.index(b"-----BEGIN CERTIFICATE")
    (folder / "given.pem").write_bytes(pem[at:])
    (folder / "given-key.pem").write_bytes(pem[:at])
    return {"tls_cert": folder / "given.pem", "tls_key": folder / "given-key.pem"}


# -- our own


@pytest.mark.parametrize("name", LOOPBACK)
def test_the_first_start_makes_one_that_strict_clients_take(tmp_path: Path, name: str) -> None:
    made = server(tmp_path)
    agreed = handshake(made.context, verifying(made.certificate_file), name)
    assert agreed.version() in ("TLSv1.2", "TLSv1.3")
    assert made.is_self_signed


def test_it_names_this_machine_and_what_the_settings_name(tmp_path: Path) -> None:
    made = server(tmp_path, host="192.168.7.7", allowed_hosts=("Voice.Example:8443", "[fd00::2]"))
    expected = {*LOOPBACK, "192.168.7.7", "voice.example", "fd00::2", *host_names(), *network_addresses()}
    assert made.certificate.names == expected


def test_a_bind_to_all_is_no_name(tmp_path: Path) -> None:
    assert "0.0.0.0" not in server(tmp_path, host="0.0.0.0").certificate.names


def test_its_files_are_its_owners(tmp_path: Path) -> None:
    server(tmp_path)
    folder = tmp_path / "tls"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {
        "server.pem": 0o600,
        "cert.pem": 0o600,
    }
    assert b"PRIVATE KEY" not in (folder / "cert.pem").read_bytes()


def test_it_stays_the_same_until_it_nears_its_end(tmp_path: Path) -> None:
    first = server(tmp_path).certificate
    assert first.expires - NOW > timedelta(days=365)
    assert first.expires - NOW <= LIFETIME
    near = first.expires - tls.RENEWED_BEFORE
    assert server(tmp_path, now=near).certificate == first
    renewed = server(tmp_path, now=near + timedelta(seconds=1)).certificate
    assert renewed.fingerprint != first.fingerprint
    assert renewed.expires > first.expires
    assert (tmp_path / "tls" / "cert.pem").read_bytes() == renewed.pem


def test_a_new_name_in_the_settings_makes_a_new_one(tmp_path: Path) -> None:
    first = server(tmp_path).certificate
    named = server(tmp_path, allowed_hosts=("voice.lan",)).certificate
    assert "voice.lan" in named.names
    assert named != first
    assert server(tmp_path).certificate == named  # one name more does no harm


@pytest.mark.parametrize("content", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_what_is_damaged_is_made_anew(tmp_path: Path, content: bytes) -> None:
    server(tmp_path)
    (tmp_path / "tls" / "server.pem").write_bytes(content)
    (tmp_path / "tls" / "cert.pem").unlink()
    made = server(tmp_path)
    handshake(made.context, verifying(made.certificate_file))


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    server(tmp_path)
    (tmp_path / "tls" / "server.pem").chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        server(tmp_path)


def test_it_vouches_for_no_other_certificate(tmp_path: Path) -> None:
    """Trusting it must not let its owner pass for the rest of the world."""
    made = server(tmp_path)
    other = ServerTls(Settings(home=tmp_path / "other", tls=True))
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(other.context, verifying(made.certificate_file))


# -- given files


def test_given_files_are_served(tmp_path: Path) -> None:
    files = write_pair(tmp_path)
    given = server(tmp_path / "home", **files)
    assert not given.is_self_signed
    handshake(given.context, verifying(files["tls_cert"]))
    assert not (tmp_path / "home").exists()


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    for missing in ("tls_cert", "tls_key"):
        files = write_pair(tmp_path)
        files[missing].unlink()
        with pytest.raises(ConfigError, match="No such file") as caught:
            server(tmp_path, **files)
        assert str(files[missing]) in caught.value.message


def test_a_key_of_another_certificate_is_named(tmp_path: Path) -> None:
    files = write_pair(tmp_path)
    (tmp_path / "other").mkdir()
    files["tls_key"] = write_pair(tmp_path / "other")["tls_key"]
    with pytest.raises(ConfigError, match="does not belong"):
        server(tmp_path, **files)


def test_a_key_of_another_kind_is_named(tmp_path: Path) -> None:
    files = write_pair(tmp_path)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    files["tls_key"].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    with pytest.raises(ConfigError, match="does not belong"):
        server(tmp_path, **files)


NO_KEY = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize("content", [b"", b"nonsense", NO_KEY])
def test_a_key_that_is_none_is_named(tmp_path: Path, content: bytes) -> None:
    files = write_pair(tmp_path)
    files["tls_key"].write_bytes(content)
    with pytest.raises(ConfigError, match="no private key") as caught:
        server(tmp_path, **files)
    assert str(files["tls_key"]) in caught.value.message


def test_a_certificate_that_is_none_is_named(tmp_path: Path) -> None:
    files = write_pair(tmp_path)
    files["tls_cert"].write_bytes(files["tls_key"].read_bytes())
    with pytest.raises(ConfigError, match="no certificate"):
        server(tmp_path, **files)


def test_a_key_with_a_password_is_named_and_asks_nobody(tmp_path: Path) -> None:
    files = write_pair(tmp_path)
    locked = serialization.BestAvailableEncryption(b"password")
    files["tls_key"].write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked
        )
    )
    with pytest.raises(ConfigError, match="openssl pkey"):
        server(tmp_path, **files)


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    files = write_pair(tmp_path)
    for name in ("tls_key", "tls_cert"):
        files[name].unlink()
        files[name].mkdir()
        with pytest.raises(ConfigError, match="cannot be read"):
            server(tmp_path, **files)


def test_an_expired_one_is_served_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = write_pair(tmp_path, now=NOW - LIFETIME)
    with caplog.at_level(logging.WARNING):
        server(tmp_path, **files)
    assert "expired" in caplog.text


# -- while it runs


def test_replaced_files_are_taken_up(tmp_path: Path) -> None:
    files = write_pair(tmp_path)
    running = server(tmp_path, **files)
    old = verifying(files["tls_cert"])
    running.refresh()
    handshake(running.context, old)
    write_pair(tmp_path)
    running.refresh()
    handshake(running.context, verifying(files["tls_cert"]))
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(running.context, old)


def test_a_pair_that_is_half_replaced_changes_nothing_yet(tmp_path: Path) -> None:
    files = write_pair(tmp_path)
    running = server(tmp_path, **files)
    old, old_key = verifying(files["tls_cert"]), files["tls_key"].read_bytes()
    write_pair(tmp_path)
    new_key = files["tls_key"].read_bytes()
    files["tls_key"].write_bytes(old_key)
    with pytest.raises(ConfigError, match="does not belong"):
        running.refresh()
    handshake(running.context, old)
    files["tls_key"].write_bytes(new_key)
    running.refresh()
    handshake(running.context, verifying(files["tls_cert"]))


def test_our_own_is_renewed_while_it_runs(tmp_path: Path) -> None:
    now = NOW
    running = ServerTls(Settings(home=tmp_path, tls=True), now=lambda: now)
    first = running.certificate
    running.refresh()
    assert running.certificate == first
    now = first.expires - timedelta(days=1)
    running.refresh()
    assert running.certificate.fingerprint != first.fingerprint
    assert running.certificate.expires > now + timedelta(days=300)


async def test_the_files_are_looked_at_hourly_and_faults_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    files = write_pair(tmp_path)
    running = await asyncio.to_thread(server, tmp_path, **files)
    looks: list[float] = []

    async def sleep(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 2:
            raise asyncio.CancelledError

    monkeypatch.setattr(asyncio, "sleep", sleep)
    await asyncio.to_thread(files["tls_key"].unlink)
    with pytest.raises(asyncio.CancelledError), caplog.at_level(logging.ERROR):
        await running.keep_fresh()
    assert looks == [3600, 3600]
    assert "not replaced" in caplog.text


# -- clients on the same machine


def test_a_client_of_this_machine_takes_exactly_its_server(tmp_path: Path) -> None:
    made = server(tmp_path / "a")
    pinned = client_context(certificate_file(Settings(home=tmp_path / "a")))
    handshake(made.context, pinned, "any.name.example")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(server(tmp_path / "b").context, pinned)


def test_of_a_given_chain_the_servers_own_certificate_counts_alone(tmp_path: Path) -> None:
    """Whoever issued it issues others as well."""
    files = write_pair(tmp_path)
    other = server(tmp_path / "other")
    files["tls_cert"].write_bytes(files["tls_cert"].read_bytes() + other.certificate.pem)
    pinned = client_context(certificate_file(Settings(home=tmp_path, **files)))  # type: ignore[arg-type]
    handshake(server(tmp_path, **files).context, pinned)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(other.context, pinned)


def test_where_no_certificate_is_none_is_trusted(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        client_context(certificate_file(Settings(home=tmp_path)))


def test_a_fingerprint_reads_as_browsers_show_it(tmp_path: Path) -> None:
    shown = server(tmp_path).certificate.fingerprint.split(":")
    assert len(shown) == 32
    assert all(len(part) == 2 and part == part.upper() for part in shown)
