"""Starts a session for the right password. A wrong one and an unknown address look and last the same.

Attempts are counted by account and device where the device is known, else by account and network, so that a stranger
who guesses locks himself out and not the account's owner. All strangers together have a bound too: an account is not
guessed at from a thousand networks.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from amazonlite.auth import store
from amazonlite.auth.dependencies import AuthDependencies
from amazonlite.auth.domain import (
    ACCESS_TTL,
    MOST_FAILURES,
    MOST_FAILURES_OF_STRANGERS,
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


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """`device_cookie` makes the client's device known to the account."""

    tokens: Tokens
    device_cookie: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """Who tries to get into which account; `device` is empty for a stranger."""

    mailbox: str
    network: str
    device: str

    @property
    def counts(self) -> list[tuple[str, int]]:
        """What the attempt is counted by, and how many attempts each stands."""
        if self.device:
            return [(hash_of(f"{self.mailbox}|device|{self.device}"), MOST_FAILURES)]
        return [
            (hash_of(f"{self.mailbox}|network|{self.network}"), MOST_FAILURES),
            (hash_of(f"{self.mailbox}|strangers"), MOST_FAILURES_OF_STRANGERS),
        ]


async def log_in(
    deps: AuthDependencies, email: str, password: str, *, network: str, device_cookie: str = ""
) -> LoggedIn:
    mailbox = normalised_email(email)
    attempt = Attempt(mailbox, network, await deps.devices.id_of(mailbox, device_cookie))
    async with deps.sign_ins.turn(network):
        tokens = await _try(deps, attempt, password)
    return LoggedIn(tokens, deps.devices.cookie_for(mailbox))


async def _try(deps: AuthDependencies, attempt: Attempt, password: str) -> Tokens:
    account = await in_transaction(deps.transactions, lambda uow: _admit(deps, uow, attempt))
    if account is None:
        await deps.passwords.verify_nobody(password)
        raise BadCredentials("e-mail address or password is wrong")
    if not await deps.passwords.verify(account.password_hash, password):
        raise BadCredentials("e-mail address or password is wrong")
    renewed = await deps.passwords.hash(password) if deps.passwords.outdated(account.password_hash) else None
    return await in_transaction(deps.transactions, lambda uow: _open(deps, uow, attempt, account, renewed))


async def _admit(deps: AuthDependencies, uow: UnitOfWork, attempt: Attempt) -> Account | None:
    """Counts the attempt before it is judged: guesses made at the same time cannot slip past the limit together."""
    now = deps.clock.now()
    for key, most in attempt.counts:
        attempts, window_ends = await store.count_login(uow, key, now)
        if attempts > most:
            seconds = (window_ends - now).total_seconds()
            raise TooManyFailures("too many failed logins to this account from here", retry_after=seconds)
    return await store.account_of(uow, attempt.mailbox)


async def _open(
    deps: AuthDependencies, uow: UnitOfWork, attempt: Attempt, account: Account, renewed: str | None
) -> Tokens:
    now = deps.clock.now()
    session = Session(deps.ids("ses"), account.user_id, now + SESSION_TTL)
    value, refresh = new_refresh_token(session, now)
    (own, _), *others = attempt.counts
    await store.forget_failures(uow, own)
    for key, _ in others:
        await store.uncount_login(uow, key)
    await store.add_session(uow, session, now)
    await store.add_refresh_token(uow, refresh, now)
    if renewed is not None:
        await store.set_password_hash(uow, account.user_id, renewed)
    return tokens_of(deps, session, value)


def tokens_of(deps: AuthDependencies, session: Session, refresh_value: str) -> Tokens:
    access = deps.mint.access_token(session.user_id, SHOPPER_SCOPES, ttl=ACCESS_TTL, session_id=session.session_id)
    return Tokens(access, refresh_value)
