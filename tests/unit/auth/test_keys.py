"""A new key is published before it signs, on all replicas alike, and a withdrawn one is no longer believed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from amazonlite.auth.keys import NoSigningKey, SigningKeys
from amazonlite.common.testing.fakes import FakeClock

OLD, NEW = "20300101000000-aaaaaa", "20300201000000-bbbbbb"


def write(folder: Path, *kids: str) -> None:
    for kid in kids:
        pem = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (folder / f"{kid}.pem").write_bytes(pem)


def published(keys: SigningKeys) -> set[str]:
    return {jwk["kid"] for jwk in keys.jwks()["keys"]}


def test_a_new_key_signs_ten_minutes_after_its_birth_on_replicas_old_and_new(tmp_path: Path) -> None:
    clock = FakeClock(datetime(2030, 2, 1, 0, 1, tzinfo=UTC))
    write(tmp_path, OLD)
    running = SigningKeys(tmp_path, clock)
    write(tmp_path, NEW)
    running.reload()
    for keys in (running, SigningKeys(tmp_path, clock)):
        assert published(keys) == {OLD, NEW}
        assert keys.signing(clock.now())[0] == OLD
    clock.advance(540)
    for keys in (running, SigningKeys(tmp_path, clock)):
        assert keys.signing(clock.now())[0] == NEW


def test_the_first_key_of_a_shop_signs_at_once(tmp_path: Path) -> None:
    write(tmp_path, NEW)
    clock = FakeClock(datetime(2030, 2, 1, tzinfo=UTC))
    assert SigningKeys(tmp_path, clock).signing(clock.now())[0] == NEW


@pytest.mark.parametrize("names", [("one", "two"), ("20301399000000-a", "20301399000000-b")])
def test_a_name_that_tells_no_time_counts_from_when_it_was_seen(tmp_path: Path, names: tuple[str, str]) -> None:
    clock = FakeClock()
    write(tmp_path, names[0])
    keys = SigningKeys(tmp_path, clock)
    clock.advance(3600)
    write(tmp_path, names[1])
    keys.reload()
    clock.advance(599)
    keys.reload()
    assert keys.signing(clock.now())[0] == names[0]
    clock.advance(1)
    assert keys.signing(clock.now())[0] == names[1]


def test_a_rotation_takes_effect_beside_a_key_that_somebody_named(tmp_path: Path) -> None:
    clock = FakeClock(datetime(2030, 1, 1, tzinfo=UTC))
    write(tmp_path, "main")
    keys = SigningKeys(tmp_path, clock)
    write(tmp_path, NEW)
    clock.advance(40 * 24 * 3600)
    keys.reload()
    assert keys.signing(clock.now())[0] == NEW


async def test_a_withdrawn_key_is_not_believed_and_none_at_all_changes_nothing(tmp_path: Path) -> None:
    write(tmp_path, OLD, NEW)
    keys = SigningKeys(tmp_path)
    (tmp_path / f"{OLD}.pem").unlink()
    keys.reload()
    assert published(keys) == {NEW}
    assert await keys.key(OLD) is None
    (tmp_path / f"{NEW}.pem").unlink()
    with pytest.raises(NoSigningKey):
        keys.reload()
    assert published(keys) == {NEW}
