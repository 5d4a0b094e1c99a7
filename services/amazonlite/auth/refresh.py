"""Exchanges a refresh token for the next one. All requests of a session queue at its row, so each sees the last."""

from __future__ import annotations

from amazonlite.auth import store
from amazonlite.auth.dependencies import AuthDependencies
from amazonlite.auth.domain import (
    REVOCATION_TTL,
    RefreshToken,
    RefreshTokenInvalid,
    RefreshTokenReused,
    RevocationUnavailable,
    Session,
    hash_of,
    judge,
    new_refresh_token,
    successor_of,
)
from amazonlite.auth.login import Tokens, tokens_of
from amazonlite.common.data.unit_of_work import UnitOfWork, in_transaction
from amazonlite.common.observe.logs import get_logger

log = get_logger(__name__)


async def refresh(deps: AuthDependencies, value: str) -> Tokens:
    outcome = await in_transaction(deps.transactions, lambda uow: _exchange(deps, uow, value))
    if isinstance(outcome, Tokens):
        return outcome
    # The revocation is committed by now; raising inside of the transaction would have undone it.
    log.warning("refresh_token_reused", session=outcome.session_id, user=outcome.user_id)
    try:
        await deps.revocations.publish(outcome.session_id, REVOCATION_TTL)
    except RevocationUnavailable:
        log.warning("revocation_postponed", session=outcome.session_id)
    raise RefreshTokenReused("the refresh token was used before; the session is over", next_step="log in again")


async def _exchange(deps: AuthDependencies, uow: UnitOfWork, value: str) -> Tokens | Session:
    """The next tokens, or the session that was revoked because the token was used before."""
    session, token = await _locked(uow, value)
    now = deps.clock.now()
    next_value = successor_of(value, token.salt)
    successor = await store.find_refresh_token(uow, hash_of(next_value)) if token.used_at else None
    verdict = judge(token, successor, session, now)
    if verdict == "reused":
        await store.revoke_session(uow, session.session_id, "refresh_token_reused", now)
        return session
    if verdict == "rotate":
        await store.use_refresh_token(uow, token.token_hash, now)
        await store.add_refresh_token(uow, new_refresh_token(session, now, next_value)[1], now)
    return tokens_of(deps, session, next_value)


async def _locked(uow: UnitOfWork, value: str) -> tuple[Session, RefreshToken]:
    """The token as it is while nobody else can use one of its session."""
    seen = await store.find_refresh_token(uow, hash_of(value))
    session = await store.find_session(uow, seen.session_id, lock=True) if seen else None
    token = await store.find_refresh_token(uow, hash_of(value))
    if session is None or token is None:
        raise RefreshTokenInvalid("this refresh token is not known", next_step="log in again")
    return session, token
