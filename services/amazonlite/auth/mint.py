"""Makes access tokens (RFC 9068) with the signing key."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import jwt

from amazonlite.auth.keys import SigningKeys
from amazonlite.common.core.clock import Clock
from amazonlite.common.core.ids import IdSource
from amazonlite.common.security.jwt import ALGORITHM, AUDIENCE, ISSUER, TOKEN_TYPE, PrincipalKind


class Mint:
    def __init__(self, keys: SigningKeys, clock: Clock, ids: IdSource) -> None:
        self._keys = keys
        self._clock = clock
        self._ids = ids

    def access_token(
        self, subject: str, scopes: Iterable[str], *, ttl: timedelta, kind: PrincipalKind = "user", session_id: str = ""
    ) -> str:
        now: datetime = self._clock.now()
        kid, key = self._keys.signing(now)
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            "scope": " ".join(scopes),
            "sid": session_id,
            "jti": self._ids("tok"),
            "kind": kind,
            "iat": int(now.timestamp()),
            "exp": int((now + ttl).timestamp()),
        }
        return jwt.encode(claims, key, algorithm=ALGORITHM, headers={"kid": kid, "typ": TOKEN_TYPE})
