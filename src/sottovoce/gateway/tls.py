"""TLS of the server: by files it is given, or a self-signed certificate, made and renewed in its home."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sottovoce.config import Settings
from sottovoce.errors import ConfigError
from sottovoce.gateway.certificate import Certificate, self_signed
from sottovoce.gateway.guard import WILDCARD_ADDRESSES, hostname
from sottovoce.machine_names import LOOPBACK, host_names, network_addresses
from sottovoce.private_file import read_private, replace_private

logger = logging.getLogger(__name__)

FOLDER = "tls"
SERVER_FILE = "server.pem"
"""Key and certificate in one file, so that they are replaced together."""

CERTIFICATE_FILE = "cert.pem"
"""The certificate alone, for clients to trust."""

RENEWED_BEFORE = timedelta(days=30)
CHECK_INTERVAL = 3600.0
"""Seconds between two looks at the files: a renewed certificate is taken up without a restart."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class ServerTls:
    """What the server shows of itself. Raises `ConfigError` where a file is missing or of no use."""

    def __init__(self, settings: Settings, now: Callable[[], datetime] = utc_now) -> None:
        self._settings = settings
        self._now = now
        self.context = _context()
        self._seen: tuple[object, ...] = ()
        self.certificate = self._load()

    @property
    def certificate_file(self) -> Path:
        """What a client has to trust."""
        return certificate_file(self._settings)

    @property
    def is_self_signed(self) -> bool:
        return self._settings.tls_cert is None

    def refresh(self) -> None:
        """Take up files that were replaced, and renew our own in time; live connections keep theirs."""
        own_is_old = self.is_self_signed and self.certificate.expires - self._now() < RENEWED_BEFORE
        if own_is_old or self._stamp() != self._seen:
            self.certificate = self._load()
            logger.info("serving the certificate that expires on %s", self.certificate.expires.date())

    async def keep_fresh(self) -> None:
        """Until cancelled. What is wrong with new files is told; the old certificate is served meanwhile."""
        while True:
            await asyncio.sleep(CHECK_INTERVAL)
            try:
                await asyncio.to_thread(self.refresh)
            except ConfigError as error:
                logger.error("the certificate was not replaced: %s", error.message)

    def _load(self) -> Certificate:
        if self.is_self_signed:
            make_own(self._settings, self._now())
        seen = self._stamp()
        chain, key = self._files()
        certificate = load_certificate(chain)
        _load_into(_context(), chain, key)  # a trial: one that fails would leave half of it behind
        _load_into(self.context, chain, key)
        self._seen = seen
        if certificate.expires <= self._now():
            logger.warning("the certificate in %s expired on %s", chain, certificate.expires.date())
        return certificate

    def _files(self) -> tuple[Path, Path]:
        given = self._settings
        if given.tls_cert is not None and given.tls_key is not None:
            return given.tls_cert, given.tls_key
        own = given.home / FOLDER / SERVER_FILE
        return own, own

    def _stamp(self) -> tuple[object, ...]:
        """Changes when a file does; what is not there is told when it is loaded."""
        stats = [os.stat(file) for file in self._files() if file.exists()]
        return tuple((stat.st_mtime_ns, stat.st_size, stat.st_ino) for stat in stats)


def certificate_file(settings: Settings) -> Path:
    """What the server of `settings` shows, if it speaks TLS; it need not be there."""
    return settings.tls_cert or settings.home / FOLDER / CERTIFICATE_FILE


def load_certificate(path: Path) -> Certificate:
    """Raises `ConfigError`."""
    try:
        return Certificate.first_of(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"The certificate {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise ConfigError(f"{path} holds no certificate in PEM form.") from error


def make_own(settings: Settings, now: datetime) -> None:
    """Our own certificate, made anew where there is none, it ends soon or lacks a name of the settings."""
    folder = settings.home / FOLDER
    try:
        current = Certificate.first_of(read_private(folder / SERVER_FILE))
    except (FileNotFoundError, ValueError):
        is_good = False
    else:
        is_good = current.expires - now >= RENEWED_BEFORE and set(_asked_names(settings)) <= current.names
    if not is_good:
        names = dict.fromkeys((*_asked_names(settings), *host_names(), *network_addresses()))
        replace_private(folder / SERVER_FILE, self_signed(tuple(names), now))
    pem = Certificate.first_of(read_private(folder / SERVER_FILE)).pem
    if not (folder / CERTIFICATE_FILE).exists() or (folder / CERTIFICATE_FILE).read_bytes() != pem:
        replace_private(folder / CERTIFICATE_FILE, pem)


def client_context(certificate: Path) -> ssl.SSLContext:
    """For a client on this machine: it takes the server with exactly this certificate, by whatever name.

    Raises `ConfigError`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # the certificate itself is the proof, and it vouches for no other
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=load_certificate(certificate).pem.decode("ascii"))
    return context


def _asked_names(settings: Settings) -> tuple[str, ...]:
    given = [hostname(name) for name in (settings.host, *settings.allowed_hosts)]
    return (*LOOPBACK, *(name for name in given if name and name not in WILDCARD_ADDRESSES))


class _ShortGoodbye(ssl.SSLObject):
    """Says that it closes and does not wait for the peer to say so too (RFC 8446, 6.1, asks for no more).

    asyncio would wait 30 s for one that fell silent, longer than the whole server takes to stop.
    """

    def unwrap(self) -> None:
        with contextlib.suppress(ssl.SSLWantReadError):
            super().unwrap()


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.sslobject_class = _ShortGoodbye
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])  # every limit of the server was chosen for it
    return context


MISMATCHES = frozenset({"KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED"})
"""OpenSSL's words for a key and a certificate that are no pair; the last is for those of different kinds."""


def _load_into(context: ssl.SSLContext, chain: Path, key: Path) -> None:
    """Raises `ConfigError` naming the file and what is wrong with it."""

    def refuse_password() -> str:
        raise ConfigError(f"The key {key} has a password. Decrypt it: openssl pkey -in {key} -out FILE")

    try:
        with key.open("rb"):
            pass  # ssl does not say which of the two files it could not read
        context.load_cert_chain(chain, key, password=refuse_password)
    except ssl.SSLError as error:
        if error.reason in MISMATCHES:
            raise ConfigError(f"The key {key} does not belong to the certificate {chain}.") from error
        raise ConfigError(f"{key} holds no private key in PEM form that TLS can use.") from error
    except OSError as error:
        raise ConfigError(f"The key {key} cannot be read: {error.strerror}.") from error
