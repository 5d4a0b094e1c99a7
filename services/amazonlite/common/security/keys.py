"""Ed25519 public keys and their JSON form (RFC 8037); where they come from is somebody else's business."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class KeySource(Protocol):
    async def key(self, kid: str) -> Ed25519PublicKey | None:
        """The public key of that id, None when there is none."""


def public_jwk(kid: str, key: Ed25519PublicKey) -> dict[str, str]:
    """RFC 8037 form of an Ed25519 public key."""
    x = urlsafe_b64encode(key.public_bytes_raw()).rstrip(b"=").decode()
    return {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid, "x": x}


def keys_of(document: Mapping[str, Any]) -> dict[str, Ed25519PublicKey]:
    """The Ed25519 keys of a JWKS document by id; keys of other kinds are not ours to trust and are left out."""
    return {
        str(jwk["kid"]): Ed25519PublicKey.from_public_bytes(urlsafe_b64decode(jwk["x"] + "=="))
        for jwk in document["keys"]
        if jwk.get("kty") == "OKP" and jwk.get("crv") == "Ed25519"
    }
