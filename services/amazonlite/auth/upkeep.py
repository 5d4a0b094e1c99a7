"""Background work: keeps Redis knowing of revocations, keys and clients fresh, and tables short.

Each loop survives its store being away.
"""

from __future__ import annotations

from amazonlite.auth import store
from amazonlite.auth.clients import BadClientFile
from amazonlite.auth.dependencies import AuthDependencies
from amazonlite.auth.domain import REVOCATION_TTL
from amazonlite.auth.keys import NoSigningKey
from amazonlite.common.background.every import every
from amazonlite.common.data.retention import keep_trimming
from amazonlite.common.observe.logs import get_logger

log = get_logger(__name__)

REPUBLISH_SECONDS = 20
RELOAD_SECONDS = 30


async def republish(deps: AuthDependencies) -> int:
    """Says every revocation that still matters again, since Redis may have been away or emptied."""
    now = deps.clock.now()
    async with deps.transactions() as uow:
        revoked = await store.revoked_since(uow, now - REVOCATION_TTL)
    for session_id, revoked_at in revoked:
        await deps.revocations.publish(session_id, revoked_at + REVOCATION_TTL - now)
    return len(revoked)


async def reload(deps: AuthDependencies) -> None:
    """Take rotated keys and changed clients; a broken Secret leaves the working ones in place."""
    try:
        deps.keys.reload()
        deps.clients.reload()
    except (NoSigningKey, BadClientFile, OSError) as error:
        log.error("secrets_not_reloaded", error=str(error))


async def keep_republishing(deps: AuthDependencies) -> None:
    await every(REPUBLISH_SECONDS, lambda: republish(deps), waits="revocations_not_republished")


async def keep_reloading(deps: AuthDependencies) -> None:
    await every(RELOAD_SECONDS, lambda: reload(deps), waits="secrets_not_reloaded")


async def keep_purging(deps: AuthDependencies) -> None:
    await keep_trimming(deps.transactions, lambda uow: store.purge(uow, deps.clock.now()))
