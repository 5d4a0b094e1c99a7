"""What is minted verifies with the published keys, and a thousand are made in a moment."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from amazonlite.auth.clients import BadClientFile, Clients
from amazonlite.auth.keys import NoSigningKey, SigningKeys
from amazonlite.auth.mint import Mint
from amazonlite.common.security.jwt import TokenVerifier
from amazonlite.common.testing.fakes import FakeClock, SequentialIds


def put_key(folder: Path, kid: str) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / f"{kid}.pem").write_bytes(pem)


async def test_the_newest_key_signs_and_every_key_verifies(tmp_path: Path) -> None:
    clock = FakeClock()
    put_key(tmp_path, "2030-01")
    keys = SigningKeys(tmp_path)
    mint = Mint(keys, clock, SequentialIds())
    old = mint.access_token("usr_1", ["shop"], ttl=timedelta(minutes=1), session_id="ses_1")
    put_key(tmp_path, "2030-02")
    keys.reload()
    new = mint.access_token("svc_1", ["internal"], ttl=timedelta(minutes=1), kind="service")
    assert [jwt.get_unverified_header(token)["kid"] for token in (old, new)] == ["2030-01", "2030-02"]
    assert jwt.get_unverified_header(new)["typ"] == "at+jwt"
    verifier = TokenVerifier(keys, clock=clock)
    assert (await verifier.verify(old)).session_id == "ses_1"
    assert (await verifier.verify(new)).scopes == {"internal"}


def test_a_folder_without_a_usable_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoSigningKey):
        SigningKeys(tmp_path)
    (tmp_path / "a.pem").write_text("junk")
    with pytest.raises(NoSigningKey):
        SigningKeys(tmp_path)
    other = generate_private_key(SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "a.pem").write_bytes(other)
    with pytest.raises(NoSigningKey):
        SigningKeys(tmp_path)


def test_client_files_are_read_as_kubernetes_mounts_them(tmp_path: Path) -> None:
    real = tmp_path / "..2030_01_01"
    real.mkdir()
    (real / "order").write_text('{"secretHash": "aa", "scopes": ["internal"]}')
    (tmp_path / "..data").symlink_to(real)
    (tmp_path / "order").symlink_to(tmp_path / "..data" / "order")
    assert set(Clients(tmp_path)._clients) == {"order"}
    (real / "order").write_text('{"scopes": []}')
    with pytest.raises(BadClientFile):
        Clients(tmp_path)
