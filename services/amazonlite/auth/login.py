"""Starts a session for the right password. A wrong one and an unknown address look and last the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from amazonlite.auth import store
from amazonlite.auth.desk import AuthDesk
from amazonlite.auth.domain import (
    ACCESS_TTL,
    MOST_FAILURES,
    SESSION_TTL,
    SHOPPER_SCOPES,
    BadCredentials,
    Session,
    TooManyFailures,
    hash_of,
    new_refresh_token,
    normalised_email,
)
from amazonlite.auth.store import Account
from amazonlite.common.data.unit_of_work import UnitOfWork, in_transaction


@dataclass(frozen=True, slots=True)
class Tokens:
    access_token: str
    refresh_token: str
    lifetime: timedelta = ACCESS_TTL


async def log_in(desk: AuthDesk, email: str, password: str) -> Tokens:
    mailbox = normalised_email(email)
    account = await in_transaction(desk.transactions, lambda uow: _admit(desk, uow, mailbox))
    if account is None:
        await desk.passwords.verify_nobody(password)
        raise BadCredentials("e-mail address or password is wrong")
    if not await desk.passwords.verify(account.password_hash, password):
        raise BadCredentials("e-mail address or password is wrong")
    renewed = await desk.passwords.hash(password) if desk.passwords.outdated(account.password_hash) else None
    return await in_transaction(desk.transactions, lambda uow: _open(desk, uow, mailbox, account, renewed))


async def _admit(desk: AuthDesk, uow: UnitOfWork, mailbox: str) -> Account | None:
    """Counts the attempt before it is judged: guesses made at the same time cannot slip past the limit together."""
    now = desk.clock.now()
    attempts, window_ends = await store.count_login(uow, hash_of(mailbox), now)
    if attempts > MOST_FAILURES:
        raise TooManyFailures("too many failed logins to this account", retry_after=(window_ends - now).total_seconds())
    return await store.account_of(uow, mailbox)


async def _open(desk: AuthDesk, uow: UnitOfWork, mailbox: str, account: Account, renewed: str | None) -> Tokens:
    now = desk.clock.now()
    session = Session(desk.ids("ses"), account.user_id, now + SESSION_TTL)
    value, refresh = new_refresh_token(session, now)
    await store.forget_failures(uow, hash_of(mailbox))
    await store.add_session(uow, session, now)
    await store.add_refresh_token(uow, refresh, now)
    if renewed is not None:
        await store.set_password_hash(uow, account.user_id, renewed)
    return tokens_of(desk, session, value)


def tokens_of(desk: AuthDesk, session: Session, refresh_value: str) -> Tokens:
    access = desk.mint.access_token(session.user_id, SHOPPER_SCOPES, ttl=ACCESS_TTL, session_id=session.session_id)
    return Tokens(access, refresh_value)
