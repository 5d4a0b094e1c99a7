"""The rules of accounts and sessions.

A refresh token works once. The same token again within the grace gets the same successor, as long as nobody used that
one: a client that asks twice at once, or lost the answer, keeps its session. Any other second use means that two
parties hold the token, and ends the session for both.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import unicodedata
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from amazonlite.common.core.errors import Conflict, InvalidInput, TooManyRequests, Unauthorized, Unavailable

ACCESS_TTL = timedelta(minutes=15)
SERVICE_TTL = timedelta(minutes=15)
REFRESH_TTL = timedelta(days=30)
SESSION_TTL = timedelta(days=90)
REFRESH_GRACE = timedelta(seconds=10)
# A revocation is remembered until no access token of the session can be good, verifiers' leeway included.
REVOCATION_TTL = ACCESS_TTL + timedelta(seconds=30)

MOST_FAILURES = 10  # of one device, or of one network that nobody logged in from
MOST_FAILURES_OF_STRANGERS = 200  # of all networks together
FAILURE_WINDOW = timedelta(minutes=15)

SHOPPER_SCOPES = ("shop",)

_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)+")


class EmailInvalid(InvalidInput):
    """Send a mailbox address, such as ann@example.org."""

    code = "email_invalid"
    title = "E-mail address invalid"


class EmailTaken(Conflict):
    """There is an account with this address: log in instead."""

    code = "email_taken"
    title = "E-mail address taken"


class BadCredentials(Unauthorized):
    """Address or password is wrong; which of them is not told."""

    code = "invalid_credentials"
    title = "Invalid credentials"


class TooManyFailures(TooManyRequests):
    """Wait for Retry-After: more guesses at this account from this network or device are not even looked at."""

    code = "too_many_login_failures"
    title = "Too many failed logins"


class RefreshTokenInvalid(Unauthorized):
    """No such token: log in again."""

    code = "refresh_token_invalid"
    title = "Refresh token invalid"


class RefreshTokenExpired(Unauthorized):
    """Unused for too long: log in again."""

    code = "refresh_token_expired"
    title = "Refresh token expired"


class RefreshTokenReused(Unauthorized):
    """The token was used before, so somebody else may hold it: the session is over for both, log in again."""

    code = "refresh_token_reused"
    title = "Refresh token reused"


class SessionRevoked(Unauthorized):
    """The session was ended: log in again."""

    code = "session_revoked"
    title = "Session revoked"


class InvalidClient(Unauthorized):
    """Client id or secret is wrong; which of them is not told."""

    code = "invalid_client"
    title = "Invalid client"


class RevocationUnavailable(Unavailable):
    """The session is over, but its access tokens could not be called back yet: repeat the request."""

    code = "revocation_unavailable"
    title = "Revocation unavailable"


@dataclass(frozen=True, slots=True)
class Session:
    """One login and all refresh tokens that descend from it."""

    session_id: str
    user_id: str
    expires_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """What is stored of a refresh token: its hash, never itself. `salt` makes its one successor."""

    token_hash: str
    session_id: str
    expires_at: datetime
    salt: bytes
    used_at: datetime | None = None


Verdict = Literal["rotate", "repeat", "reused"]


def judge(token: RefreshToken, successor: RefreshToken | None, session: Session, now: datetime) -> Verdict:
    """What a presented token deserves; raises when the session or the token's time is over."""
    if session.revoked_at is not None:
        raise SessionRevoked("the session was ended", next_step="log in again")
    if token.used_at is None:
        if now >= min(token.expires_at, session.expires_at):
            raise RefreshTokenExpired("the refresh token's time has run out", next_step="log in again")
        return "rotate"
    in_grace = now - token.used_at <= REFRESH_GRACE
    return "repeat" if in_grace and successor is not None and successor.used_at is None else "reused"


def new_refresh_token(session: Session, now: datetime, value: str | None = None) -> tuple[str, RefreshToken]:
    """(the token for the client, what to store); never outlives the session."""
    value = value or f"rt_{secrets.token_urlsafe(32)}"
    expires = min(now + REFRESH_TTL, session.expires_at)
    return value, RefreshToken(hash_of(value), session.session_id, expires, secrets.token_bytes(16))


def successor_of(value: str, salt: bytes) -> str:
    """The one token that may follow. Neither the database alone nor an older token alone is enough to compute it."""
    digest = hmac.digest(value.encode(), b"successor" + salt, "sha256")
    return f"rt_{urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def hash_of(secret: str) -> str:
    """SHA-256 suffices: these secrets have 256 random bits, unlike passwords."""
    return hashlib.sha256(secret.encode()).hexdigest()


def normalised_email(text: str) -> str:
    """One spelling per mailbox: NFKC, lower case, the domain in its ASCII form."""
    local, _, domain = unicodedata.normalize("NFKC", text).strip().casefold().rpartition("@")
    try:
        email = f"{local}@{domain.encode('idna').decode()}"
    except UnicodeError:
        email = ""
    if len(email) > 254 or not _EMAIL.fullmatch(email):
        raise EmailInvalid("this is not a mailbox address")
    return email
