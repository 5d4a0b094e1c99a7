"""Signing keys from a folder of `<kid>.pem`: all are published and believed; one signs once everybody can know it.

A kid begins with the key's time of birth, `YYYYmmddHHMMSS` in UTC, so that all replicas let a new key sign at the same
time, also those that start meanwhile. Of other names, the time counts from when this process saw them first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from amazonlite.common.core.clock import Clock, SystemClock
from amazonlite.common.security.keys import public_jwk

# Until the slowest has the key: kubelet (90 s) and reload (30 s) bring it to each replica here, and verifiers ask again
# after five minutes.
PUBLISHED_BEFORE_SIGNING = timedelta(minutes=10)
_BIRTH = re.compile(r"\d{14}(?!\d)")


class NoSigningKey(Exception):
    """The folder holds no usable Ed25519 key: put a PKCS8 PEM named <kid>.pem there."""


class SigningKeys:
    """Also a KeySource: this service verifies its own tokens without asking anyone."""

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        self._folder = folder
        self._clock = clock or SystemClock()
        self._keys: Mapping[str, Ed25519PrivateKey] = {}
        self._public: Mapping[str, Ed25519PublicKey] = {}
        self._published: dict[str, datetime] = {}
        self.reload()

    def reload(self) -> None:
        """Take what is in the folder now; an unusable folder leaves the keys as they were."""
        keys = {path.stem: _load(path) for path in sorted(self._folder.glob("*.pem"))}
        if not keys:
            raise NoSigningKey(f"no <kid>.pem in {self._folder}")
        now = self._clock.now()
        self._published = {kid: _birth(kid) or self._published.get(kid, now) for kid in keys}
        self._keys, self._public = keys, {kid: key.public_key() for kid, key in keys.items()}

    def signing(self, now: datetime) -> tuple[str, Ed25519PrivateKey]:
        """The newest key that has been published for long enough; of a shop that has no such key yet, the oldest."""
        known = [kid for kid, moment in self._published.items() if now - moment >= PUBLISHED_BEFORE_SIGNING]
        kid = max(known, key=lambda kid: (self._published[kid], kid)) if known else min(self._keys)
        return kid, self._keys[kid]

    async def key(self, kid: str) -> Ed25519PublicKey | None:
        return self._public.get(kid)

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        return {"keys": [public_jwk(kid, public) for kid, public in self._public.items()]}


def _birth(kid: str) -> datetime | None:
    found = _BIRTH.match(kid)
    try:
        return datetime.strptime(found[0], "%Y%m%d%H%M%S").replace(tzinfo=UTC) if found else None
    except ValueError:
        return None


def _load(path: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except ValueError as error:
        raise NoSigningKey(f"{path.name} is not a PKCS8 PEM") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise NoSigningKey(f"{path.name} is not an Ed25519 key")
    return key
