"""A bearer token is believed only when an Ed25519 key of ours signed it, for us, and its time has not run out."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from amazonlite.common.core.clock import Clock, SystemClock
from amazonlite.common.core.errors import Unauthorized
from amazonlite.common.security.keys import KeySource

ALGORITHM = "EdDSA"
TOKEN_TYPE = "at+jwt"  # noqa: S105 — RFC 9068: an ID token or a ticket must not pass for an access token
ISSUER = "amazonlite"
AUDIENCE = "amazonlite"
LONGEST_TOKEN = 4096
LONGEST_LIFETIME = 3600 + 60  # seconds; a token that says more was not made by the auth service

PrincipalKind = Literal["user", "service"]
_CHALLENGE = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
_OPTIONS = {"require": ["iss", "aud", "sub", "exp", "iat", "jti"], "verify_exp": False, "verify_iat": False}


class TokenMissing(Unauthorized):
    """Send `Authorization: Bearer …`."""

    code = "token_missing"
    title = "Token missing"

    def __init__(self) -> None:
        super().__init__(
            "this needs a bearer token", next_step="log in and send it", headers={"WWW-Authenticate": "Bearer"}
        )


class _BadToken(Unauthorized):
    next: str = "log in again"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, next_step=self.next, headers=_CHALLENGE)


class TokenMalformed(_BadToken):
    """Not a token of ours at all."""

    code = "token_malformed"
    title = "Token malformed"


class TokenExpired(_BadToken):
    """Refresh and try again."""

    code = "token_expired"
    title = "Token expired"
    next = "refresh the token and try again"


class TokenInvalid(_BadToken):
    """Signed by a stranger, or meant for somebody else."""

    code = "token_invalid"
    title = "Token invalid"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, proved by a token."""

    subject: str
    scopes: frozenset[str]
    kind: PrincipalKind
    session_id: str
    token_id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class _Proved:
    principal: Principal
    kid: str
    key: Ed25519PublicKey


class TokenVerifier:
    """Verifies a token's signature once: later uses are answered from a bounded memory until the token expires, or
    until its key is withdrawn.
    """

    def __init__(
        self,
        jwks: KeySource,
        *,
        issuer: str = ISSUER,
        audience: str = AUDIENCE,
        leeway: float = 5.0,
        clock: Clock | None = None,
        remembered: int = 10_000,
    ) -> None:
        self._jwks = jwks
        self._issuer = issuer
        self._audience = audience
        self._leeway = timedelta(seconds=leeway)
        self._clock = clock or SystemClock()
        self._remembered = remembered
        self._known: OrderedDict[str, _Proved] = OrderedDict()

    def knows(self, token: str) -> bool:
        """Whether the token was verified before, so that verifying it again costs nothing."""
        return token in self._known

    async def verify(self, token: str) -> Principal:
        proved = self._known.get(token)
        if proved is None or await self._jwks.key(proved.kid) != proved.key:
            self._known.pop(token, None)
            proved = await self._prove(token)
            self._remember(token, proved)
        else:
            self._known.move_to_end(token)
        principal = proved.principal
        if self._clock.now() >= principal.expires_at + self._leeway:
            self._known.pop(token, None)
            raise TokenExpired("the token's time has run out")
        return principal

    def _remember(self, token: str, proved: _Proved) -> None:
        self._known[token] = proved
        if len(self._known) > self._remembered:
            self._known.popitem(last=False)

    async def _prove(self, token: str) -> _Proved:
        kid = _key_id(token)
        key = await self._jwks.key(kid)
        if key is None:
            raise TokenInvalid("the token is signed by an unknown key")
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=self._audience,
                issuer=self._issuer,
                options=cast(Any, _OPTIONS),
            )
            return _Proved(_principal_of(claims), kid, key)
        except (jwt.InvalidTokenError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise TokenInvalid("the token is not one of ours") from error


def _key_id(token: str) -> str:
    if len(token) > LONGEST_TOKEN:
        raise TokenMalformed("the token is too long")
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.InvalidTokenError, ValueError) as error:
        raise TokenMalformed("this is not a token") from error
    kid = header.get("kid")
    if header.get("alg") != ALGORITHM or header.get("typ") != TOKEN_TYPE or not isinstance(kid, str):
        raise TokenMalformed("this is not an access token")
    return kid


def _principal_of(claims: Mapping[str, Any]) -> Principal:
    kind = claims["kind"]
    if kind not in ("user", "service"):
        raise ValueError(f"unknown kind {kind!r}")
    if claims["exp"] - claims["iat"] > LONGEST_LIFETIME:
        raise ValueError("the token lives too long")
    return Principal(
        subject=str(claims["sub"]),
        scopes=frozenset(str(claims.get("scope", "")).split()),
        kind=kind,
        session_id=str(claims.get("sid", "")),
        token_id=str(claims["jti"]),
        expires_at=datetime.fromtimestamp(claims["exp"], UTC),
    )
