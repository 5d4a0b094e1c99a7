"""A device that an account was opened from before keeps its way in, whatever strangers do to the account.

After a login the client gets a signed cookie (OWASP, "Slow down online guessing attacks with device cookies"). Failures
of a device are counted apart from those of strangers, so nobody without the cookie can lock its owner out, and a stolen
cookie is worth no more guesses than a stranger has.
"""

from __future__ import annotations

from datetime import timedelta

import jwt

from amazonlite.auth.domain import hash_of
from amazonlite.auth.keys import SigningKeys
from amazonlite.common.core.clock import Clock
from amazonlite.common.core.ids import IdSource
from amazonlite.common.security.jwt import ALGORITHM, ISSUER

COOKIE = "device"
COOKIE_TTL = timedelta(days=180)
TOKEN_TYPE = "device+jwt"  # noqa: S105 — no access token is one, and this is none
LONGEST_COOKIE = 1000


class Devices:
    """Cookies are signed by the keys that sign tokens: a key that is withdrawn makes its devices strangers again."""

    def __init__(self, keys: SigningKeys, clock: Clock, ids: IdSource) -> None:
        self._keys, self._clock, self._ids = keys, clock, ids

    def cookie_for(self, mailbox: str) -> str:
        now = self._clock.now()
        kid, key = self._keys.signing(now)
        claims = {
            "iss": ISSUER,
            "aud": COOKIE,
            "sub": hash_of(mailbox),
            "jti": self._ids("dev"),
            "exp": int((now + COOKIE_TTL).timestamp()),
        }
        return jwt.encode(claims, key, algorithm=ALGORITHM, headers={"kid": kid, "typ": TOKEN_TYPE})

    async def id_of(self, mailbox: str, cookie: str) -> str:
        """The device's id; empty for whoever has no cookie of ours that was given for this mailbox."""
        try:
            return await self._verified(mailbox, cookie) if cookie and len(cookie) <= LONGEST_COOKIE else ""
        except (jwt.InvalidTokenError, KeyError, TypeError, ValueError):
            return ""

    async def _verified(self, mailbox: str, cookie: str) -> str:
        header = jwt.get_unverified_header(cookie)
        key = await self._keys.key(str(header.get("kid")))
        if key is None or header.get("typ") != TOKEN_TYPE:
            return ""
        required = ["iss", "aud", "sub", "exp", "jti"]
        options = {"require": required, "verify_exp": False}
        claims = jwt.decode(
            cookie,
            key,
            algorithms=[ALGORITHM],
            audience=COOKIE,
            issuer=ISSUER,
            options=options,  # type: ignore[arg-type]
        )
        current = self._clock.now().timestamp() < claims["exp"] and claims["sub"] == hash_of(mailbox)
        return str(claims["jti"]) if current else ""
