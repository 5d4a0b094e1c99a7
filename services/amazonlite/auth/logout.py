"""Ends a session: its refresh token at once, its access tokens as soon as the gateways read Redis."""

from __future__ import annotations

from datetime import timedelta

from amazonlite.auth import store
from amazonlite.auth.dependencies import AuthDependencies
from amazonlite.auth.domain import REVOCATION_TTL, SessionRevoked
from amazonlite.common.data.unit_of_work import UnitOfWork, in_transaction
from amazonlite.common.security.jwt import Principal


async def log_out(deps: AuthDependencies, asking: Principal) -> None:
    """Repeating it is harmless, and needed when Redis was away the first time."""
    now = deps.clock.now()

    async def work(uow: UnitOfWork) -> None:
        await store.revoke_session(uow, asking.session_id, "logout", now)

    await in_transaction(deps.transactions, work)
    # Tokens made in bulk may outlive REVOCATION_TTL.
    left = asking.expires_at - now + timedelta(seconds=30)
    await deps.revocations.publish(asking.session_id, max(REVOCATION_TTL, left))


async def check_session(deps: AuthDependencies, asking: Principal) -> None:
    """SessionRevoked if it was ended; asks the database, so that it is right without Redis too."""
    if not asking.session_id:
        return
    async with deps.transactions() as uow:
        session = await store.find_session(uow, asking.session_id)
    if session is not None and session.revoked_at is not None:
        raise SessionRevoked("the session was ended", next_step="log in again")
