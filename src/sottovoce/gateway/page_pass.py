"""The cookie of somebody who signed in to the page with a key: signed, dated, and worth what the key is."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass, field

LIFETIME = 30 * 86_400
"""Seconds; as long as browsers keep it."""

PURPOSE = b"sottovoce page"
"""Sets the cookies' signing key apart from the key that it is made of."""


@dataclass(frozen=True, slots=True)
class PagePasses:
    """Issued passes outlive a restart: they are signed by what the server's own key gives."""

    key: str = field(repr=False)
    now: Callable[[], float] = time.time

    def issue(self, key_id: str) -> str:
        """A pass for whoever showed the key with this id."""
        claim = f"{key_id}.{int(self.now())}"
        return f"{claim}.{self._signature(claim)}"

    def key_of(self, given: str) -> str | None:
        """The id of the key that the pass was issued for; None if it is none of ours, or too old."""
        claim, _, signature = given.rpartition(".")
        key_id, _, issued = claim.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(claim).encode()):
            return None
        return key_id if 0 <= self.now() - int(issued) < LIFETIME else None

    def _signature(self, claim: str) -> str:
        secret = hmac.digest(self.key.encode(), PURPOSE, hashlib.sha256)
        return hmac.new(secret, claim.encode(), hashlib.sha256).hexdigest()
