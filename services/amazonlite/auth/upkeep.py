"""Background work: keeps Redis knowing of revocations, keys and clients fresh, and tables short."""

from __future__ import annotations

import asyncio

from amazonlite.auth import store
from amazonlite.auth.clients import BadClientFile
from amazonlite.auth.desk import AuthDesk
from amazonlite.auth.domain import REVOCATION_TTL
from amazonlite.auth.keys import NoSigningKey
from amazonlite.common.data.retention import keep_trimming
from amazonlite.common.data.sweep import keep_sweeping
from amazonlite.common.observe.logs import get_logger

log = get_logger(__name__)

REPUBLISH_SECONDS = 20
RELOAD_SECONDS = 30


async def republish(desk: AuthDesk) -> int:
    """Says every revocation that still matters again, since Redis may have been away or emptied."""
    now = desk.clock.now()
    async with desk.transactions() as uow:
        revoked = await store.revoked_since(uow, now - REVOCATION_TTL)
    for session_id, revoked_at in revoked:
        await desk.revocations.publish(session_id, revoked_at + REVOCATION_TTL - now)
    return len(revoked)


def reload(desk: AuthDesk) -> None:
    """Take rotated keys and changed clients; a broken Secret leaves the working ones in place."""
    try:
        desk.keys.reload()
        desk.clients.reload()
    except (NoSigningKey, BadClientFile, OSError) as error:
        log.error("secrets_not_reloaded", error=str(error))


class Upkeep:
    """The loops around the steps above; each survives its store being away."""

    def __init__(self, desk: AuthDesk) -> None:
        self._desk = desk

    async def republishing(self) -> None:
        await keep_sweeping(lambda: republish(self._desk), every=REPUBLISH_SECONDS, waits="revocations_not_republished")

    async def reloading(self) -> None:
        while True:
            await asyncio.sleep(RELOAD_SECONDS)
            reload(self._desk)

    async def purging(self) -> None:
        await keep_trimming(self._desk.transactions, lambda uow: store.purge(uow, self._desk.clock.now()))
