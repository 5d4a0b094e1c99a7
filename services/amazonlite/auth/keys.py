"""Signing keys from a folder of `<kid>.pem`: the newest name signs, all of them are published and believed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from amazonlite.common.security.keys import public_jwk


class NoSigningKey(Exception):
    """The folder holds no usable Ed25519 key: put a PKCS8 PEM named <kid>.pem there."""


class SigningKeys:
    """Also a KeySource: this service verifies its own tokens without asking anyone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._keys: Mapping[str, Ed25519PrivateKey] = {}
        self.reload()

    def reload(self) -> None:
        """Take what is in the folder now; an unusable folder leaves the keys as they were."""
        keys = {path.stem: _load(path) for path in sorted(self._folder.glob("*.pem"))}
        if not keys:
            raise NoSigningKey(f"no <kid>.pem in {self._folder}")
        self._keys = keys

    @property
    def newest(self) -> tuple[str, Ed25519PrivateKey]:
        kid = max(self._keys)
        return kid, self._keys[kid]

    async def key(self, kid: str) -> Ed25519PublicKey | None:
        private = self._keys.get(kid)
        return private.public_key() if private else None

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        return {"keys": [public_jwk(kid, private.public_key()) for kid, private in self._keys.items()]}


def _load(path: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except ValueError as error:
        raise NoSigningKey(f"{path.name} is not a PKCS8 PEM") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise NoSigningKey(f"{path.name} is not an Ed25519 key")
    return key
