"""Ready-made requesters for tests of routes."""

from __future__ import annotations

from amazonlite.common.security.jwt import TokenVerifier
from amazonlite.common.testing.fakes import FakeJwks, mint_token


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def as_shopper(subject: str = "usr_shopper") -> dict[str, str]:
    return bearer(mint_token(subject, ["shop"]))


SERVICE_SCOPES = (
    *("payments:seal", "payments:read-any", "payments:summarise", "orders:read-any", "orders:summarise"),
    *("reservations:read", "reservations:make", "ledger:read", "products:read"),
)


def as_service(subject: str = "svc_test", *scopes: str) -> dict[str, str]:
    """A service with the scopes given, or else with all that some service of the shop has."""
    return bearer(mint_token(subject, scopes or SERVICE_SCOPES, kind="service"))


def trusting_verifier() -> TokenVerifier:
    """Believes the tokens of `as_shopper` and `as_service`."""
    return TokenVerifier(FakeJwks())
