"""Only our own unexpired access tokens are believed, and each kind of bad one has its code."""

from __future__ import annotations

import base64
import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from amazonlite.common.core.errors import Unauthorized
from amazonlite.common.security.jwt import TokenInvalid, TokenVerifier
from amazonlite.common.testing.fakes import TEST_KEY, FakeClock, FakeJwks, SigningKey, mint_token


def unsigned(token: str) -> str:
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "at+jwt", "kid": "test"}).encode())
    return f"{header.rstrip(b'=').decode()}.{token.split('.')[1]}."


async def refused(token: str, clock: FakeClock | None = None) -> str:
    with pytest.raises(Unauthorized) as error:
        await TokenVerifier(FakeJwks(), clock=clock or FakeClock()).verify(token)
    return error.value.code


def minted(clock: FakeClock, **claims: object) -> str:
    return mint_token("usr_ann", ["shop"], now=clock.now(), **claims)  # type: ignore[arg-type]


async def test_a_good_token_names_its_bearer() -> None:
    clock = FakeClock()
    principal = await TokenVerifier(FakeJwks(), clock=clock).verify(minted(clock, sid="ses_1"))
    assert (principal.subject, principal.session_id, principal.kind) == ("usr_ann", "ses_1", "user")
    assert principal.scopes == {"shop"}


async def test_expiry_counts_for_remembered_tokens_too() -> None:
    clock = FakeClock()
    verifier = TokenVerifier(FakeJwks(), clock=clock)
    token = minted(clock, ttl=60)
    await verifier.verify(token)
    clock.advance(64)  # within the leeway of 5 s
    await verifier.verify(token)
    clock.advance(2)
    with pytest.raises(Unauthorized) as error:
        await verifier.verify(token)
    assert error.value.code == "token_expired"


async def test_strangers_tokens_are_invalid() -> None:
    clock = FakeClock()
    assert await refused(minted(clock, key=SigningKey(kid="test"))) == "token_invalid"
    assert await refused(minted(clock, key=SigningKey(kid="other"))) == "token_invalid"


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "other"},
        {"iss": "other"},
        {"exp": None},
        {"jti": None},
        {"kind": "root"},
        {"exp": "soon"},
        {"exp": 1e30},
    ],
)
async def test_wrong_claims_are_invalid(claims: dict[str, object]) -> None:
    assert await refused(minted(FakeClock(), **claims)) == "token_invalid"


async def test_what_is_no_access_token_is_malformed() -> None:
    good = minted(FakeClock())
    id_token = jwt.encode({"sub": "usr_ann"}, TEST_KEY.private, algorithm="EdDSA", headers={"kid": "test"})
    symmetric = jwt.encode({"sub": "a"}, "k" * 32, algorithm="HS256", headers={"kid": "test", "typ": "at+jwt"})
    for token in ("", "a.b.c", "å", unsigned(good), id_token, symmetric, good + "x" * 5000):
        assert await refused(token) == "token_malformed", token[:40]


async def test_a_tampered_token_is_invalid() -> None:
    header, claims, signature = minted(FakeClock()).split(".")
    forged = base64.urlsafe_b64encode(base64.urlsafe_b64decode(claims + "==").replace(b"shop", b"root"))
    assert await refused(f"{header}.{forged.rstrip(b'=').decode()}.{signature}") == "token_invalid"


class Changing:
    """A KeySource whose keys the test changes."""

    def __init__(self, *keys: SigningKey) -> None:
        self.keys = {key.kid: key.private.public_key() for key in keys}

    async def key(self, kid: str) -> Ed25519PublicKey | None:
        return self.keys.get(kid)


async def test_a_withdrawn_keys_tokens_are_forgotten_with_it() -> None:
    clock, source = FakeClock(), Changing(TEST_KEY)
    verifier = TokenVerifier(source, clock=clock)
    token = minted(clock)
    for _ in range(2):
        await verifier.verify(token)
    source.keys = {"test": SigningKey("test").private.public_key()}  # the same name, another key
    with pytest.raises(TokenInvalid):
        await verifier.verify(token)
    source.keys = {}
    with pytest.raises(TokenInvalid):
        await verifier.verify(token)
    assert not verifier.knows(token)


@pytest.mark.parametrize(("lifetime", "good"), [(3600, True), (3661, False), (10**9, False)])
async def test_a_token_that_lives_too_long_was_not_made_by_us(lifetime: int, good: bool) -> None:
    clock = FakeClock()
    token = minted(clock, ttl=lifetime)
    if good:
        await TokenVerifier(FakeJwks(), clock=clock).verify(token)
    else:
        assert await refused(token, clock) == "token_invalid"


async def test_the_memory_of_verified_tokens_is_bounded() -> None:
    clock = FakeClock()
    verifier = TokenVerifier(FakeJwks(), clock=clock, remembered=2)
    for number in range(5):
        await verifier.verify(mint_token(f"usr_{number}", now=clock.now()))
    assert len(verifier._known) == 2
