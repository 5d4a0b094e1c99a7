"""Ready-made requesters for tests of routes."""

from __future__ import annotations

from amazonlite.common.security.jwt import TokenVerifier
from amazonlite.common.testing.fakes import FakeJwks, mint_token


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def as_shopper(subject: str = "usr_shopper") -> dict[str, str]:
    return bearer(mint_token(subject, ["shop"]))


def as_service(subject: str = "svc_test", *scopes: str) -> dict[str, str]:
    """A service with the scope `internal`, or with those given."""
    return bearer(mint_token(subject, scopes or ["internal"], kind="service"))


def trusting_verifier() -> TokenVerifier:
    """Believes the tokens of `as_shopper` and `as_service`."""
    return TokenVerifier(FakeJwks())
