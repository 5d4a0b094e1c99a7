"""Accounts, sessions, refresh tokens, failed logins and the audit of bulk tokens, in MySQL. Times are UTC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import JSON, Column, Integer, MetaData, String, Table, delete, func, insert, literal, select, update
from sqlalchemy.dialects.mysql import BINARY
from sqlalchemy.dialects.mysql import insert as mysql_insert
from sqlalchemy.exc import IntegrityError

from amazonlite.auth.domain import FAILURE_WINDOW, EmailTaken, RefreshToken, Session
from amazonlite.common.data.columns import UtcDateTime
from amazonlite.common.data.unit_of_work import UnitOfWork

PURGED_AT_ONCE = 1000

metadata = MetaData()

users = Table(
    "user",
    metadata,
    Column("user_id", String(64), primary_key=True),
    Column("email", String(254)),
    Column("password_hash", String(255)),
    Column("name", String(200)),
    Column("created_at", UtcDateTime()),
)
sessions = Table(
    "session",
    metadata,
    Column("session_id", String(64), primary_key=True),
    Column("user_id", String(64)),
    Column("created_at", UtcDateTime()),
    Column("expires_at", UtcDateTime()),
    Column("revoked_at", UtcDateTime()),
    Column("revoked_because", String(32)),
)
refresh_tokens = Table(
    "refresh_token",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("session_id", String(64)),
    Column("issued_at", UtcDateTime()),
    Column("expires_at", UtcDateTime()),
    Column("used_at", UtcDateTime()),
    Column("salt", BINARY(16)),
)
login_failures = Table(
    "login_failure",
    metadata,
    Column("account_hash", String(64), primary_key=True),
    Column("failures", Integer),
    Column("window_ends", UtcDateTime()),
)
token_audit = Table(
    "token_audit",
    metadata,
    Column("audit_id", String(64), primary_key=True),
    Column("requested_by", String(64)),
    Column("reason", String(200)),
    Column("subjects", JSON),
    Column("token_count", Integer),
    Column("ttl_seconds", Integer),
    Column("correlation_id", String(128)),
    Column("created_at", UtcDateTime()),
)


@dataclass(frozen=True, slots=True)
class Account:
    user_id: str
    password_hash: str


@dataclass(frozen=True, slots=True)
class BulkAudit:
    """Who had which tokens made, and why."""

    audit_id: str
    requested_by: str
    reason: str
    subjects: Sequence[str]
    ttl_seconds: int
    correlation_id: str


async def add_user(uow: UnitOfWork, *, user_id: str, email: str, password_hash: str, name: str, now: datetime) -> None:
    row = {"user_id": user_id, "email": email, "password_hash": password_hash, "name": name, "created_at": now}
    try:
        await uow.execute(insert(users), row)
    except IntegrityError as error:
        raise EmailTaken("there is an account with this e-mail address", next_step="log in instead") from error


async def account_of(uow: UnitOfWork, email: str) -> Account | None:
    found = await uow.execute(select(users.c.user_id, users.c.password_hash).where(users.c.email == email))
    row = found.one_or_none()
    return Account(row.user_id, row.password_hash) if row else None


async def set_password_hash(uow: UnitOfWork, user_id: str, password_hash: str) -> None:
    await uow.execute(update(users).where(users.c.user_id == user_id).values(password_hash=password_hash))


async def add_session(uow: UnitOfWork, session: Session, now: datetime) -> None:
    row = {
        "session_id": session.session_id,
        "user_id": session.user_id,
        "created_at": now,
        "expires_at": session.expires_at,
    }
    await uow.execute(insert(sessions), row)


async def find_session(uow: UnitOfWork, session_id: str, *, lock: bool = False) -> Session | None:
    """`lock` holds the session's row, and with it all its refresh tokens, until the transaction ends."""
    query = select(sessions).where(sessions.c.session_id == session_id)
    row = (await uow.execute(query.with_for_update() if lock else query)).one_or_none()
    if row is None:
        return None
    return Session(row.session_id, row.user_id, row.expires_at, row.revoked_at)


async def revoke_session(uow: UnitOfWork, session_id: str, reason: str, now: datetime) -> None:
    """The first revocation counts; later ones change nothing."""
    await uow.execute(
        update(sessions)
        .where(sessions.c.session_id == session_id, sessions.c.revoked_at.is_(None))
        .values(revoked_at=now, revoked_because=reason)
    )


async def revoked_since(uow: UnitOfWork, moment: datetime) -> list[tuple[str, datetime]]:
    found = await uow.execute(
        select(sessions.c.session_id, sessions.c.revoked_at).where(sessions.c.revoked_at > moment)
    )
    return [(row.session_id, row.revoked_at) for row in found]


async def add_refresh_token(uow: UnitOfWork, token: RefreshToken, now: datetime) -> None:
    row = {
        "token_hash": token.token_hash,
        "session_id": token.session_id,
        "issued_at": now,
        "expires_at": token.expires_at,
        "salt": token.salt,
    }
    await uow.execute(insert(refresh_tokens), row)


async def find_refresh_token(uow: UnitOfWork, token_hash: str) -> RefreshToken | None:
    row = (await uow.execute(select(refresh_tokens).where(refresh_tokens.c.token_hash == token_hash))).one_or_none()
    if row is None:
        return None
    return RefreshToken(row.token_hash, row.session_id, row.expires_at, row.salt, row.used_at)


async def use_refresh_token(uow: UnitOfWork, token_hash: str, now: datetime) -> None:
    await uow.execute(update(refresh_tokens).where(refresh_tokens.c.token_hash == token_hash).values(used_at=now))


async def count_login(uow: UnitOfWork, account_hash: str, now: datetime) -> tuple[int, datetime]:
    """(attempts in the window, its end), this one included; a new window begins where the last one ended."""
    fresh = literal(now + FAILURE_WINDOW, UtcDateTime())
    statement = mysql_insert(login_failures).values(account_hash=account_hash, failures=1, window_ends=fresh)
    over = login_failures.c.window_ends <= now
    # MySQL assigns from left to right: the count must be decided before the window moves.
    counted = statement.on_duplicate_key_update(
        [
            ("failures", func.if_(over, 1, login_failures.c.failures + 1)),
            ("window_ends", func.if_(over, fresh, login_failures.c.window_ends)),
        ]
    )
    await uow.execute(counted)
    row = (await uow.execute(select(login_failures).where(login_failures.c.account_hash == account_hash))).one()
    return row.failures, row.window_ends


async def uncount_login(uow: UnitOfWork, account_hash: str) -> None:
    """An attempt that succeeded was no guess."""
    own = login_failures.c.account_hash == account_hash
    await uow.execute(delete(login_failures).where(own, login_failures.c.failures <= 1))
    await uow.execute(update(login_failures).where(own).values(failures=login_failures.c.failures - 1))


async def forget_failures(uow: UnitOfWork, account_hash: str) -> None:
    await uow.execute(delete(login_failures).where(login_failures.c.account_hash == account_hash))


async def add_bulk_audit(uow: UnitOfWork, audit: BulkAudit, now: datetime) -> None:
    row = {
        "audit_id": audit.audit_id,
        "requested_by": audit.requested_by,
        "reason": audit.reason,
        "subjects": list(audit.subjects),
        "token_count": len(audit.subjects),
        "ttl_seconds": audit.ttl_seconds,
        "correlation_id": audit.correlation_id,
        "created_at": now,
    }
    await uow.execute(insert(token_audit), row)


async def purge(uow: UnitOfWork, now: datetime) -> int:
    """Deletes some of what can no longer matter; the number of rows, 0 when there is no more."""
    over = now - timedelta(days=1)
    purged = 0
    for table, ends in (
        (refresh_tokens, refresh_tokens.c.expires_at),
        (sessions, sessions.c.expires_at),
        (login_failures, login_failures.c.window_ends),
    ):
        statement = delete(table).where(ends < over).with_dialect_options(mysql_limit=PURGED_AT_ONCE)
        purged += (await uow.execute(statement)).rowcount
    return purged
