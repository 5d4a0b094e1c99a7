"""Each shard of the outbox has one owner at a time, by the database's clock; owners share the shards fairly.

Order does not depend on leases: every relay sends an aggregate's events from the first unsent one on, each after the
one before is acknowledged, so that the first arrivals are in order even with two relays at it. Leases keep the repeats
away, and the fence keeps a relay that lost a shard from writing what becomes of refused events: the new owner decides.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from sqlalchemy import text

from amazonlite.common.data.tables import SHARDS
from amazonlite.common.data.unit_of_work import UnitOfWork, UnitOfWorkFactory, in_transaction

_HELLO = text(
    "INSERT INTO outbox_relay (owner, expires_at) VALUES (:me, NOW(6) + INTERVAL :lease MICROSECOND)"
    " ON DUPLICATE KEY UPDATE expires_at = VALUES(expires_at)"
)
_BURY = text("DELETE FROM outbox_relay WHERE expires_at < NOW(6)")
_ALIVE = text("SELECT COUNT(*) FROM outbox_relay")
_RENEW = text("UPDATE outbox_shard SET expires_at = NOW(6) + INTERVAL :lease MICROSECOND WHERE owner = :me")
_MINE = text("SELECT shard, fence FROM outbox_shard WHERE owner = :me ORDER BY shard")
_GIVE = text(
    "UPDATE outbox_shard SET owner = '', expires_at = NOW(6) WHERE owner = :me ORDER BY shard DESC LIMIT :count"
)
_TAKE = text(
    "UPDATE outbox_shard SET owner = :me, fence = fence + 1, expires_at = NOW(6) + INTERVAL :lease MICROSECOND"
    " WHERE expires_at <= NOW(6) AND owner <> :me ORDER BY shard LIMIT :count"
)
_LOCK_MINE = text("SELECT shard, fence FROM outbox_shard WHERE owner = :me LOCK IN SHARE MODE")
_BYE = text("DELETE FROM outbox_relay WHERE owner = :me")


class Leases:
    def __init__(
        self, factory: UnitOfWorkFactory, owner: str, *, seconds: float, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.owner = owner
        self.fences: dict[int, int] = {}  # by shard; replaced, never changed, so that a batch may keep its own
        self._factory = factory
        self._seconds = seconds
        self._monotonic = monotonic
        self._until = 0.0
        self._renewed_at = 0.0

    @property
    def shards(self) -> list[int]:
        return list(self.fences)

    def hold_for(self, seconds: float) -> bool:
        """Whether what is started now and takes `seconds` ends within the lease."""
        return self._monotonic() + seconds < self._until

    async def refresh(self) -> bool:
        """Renews what is held and takes or gives towards a fair share; True if the shards or fences changed."""
        before = self.fences
        self.fences = await in_transaction(self._factory, self._refresh)
        self._until = self._renewed_at + self._seconds
        return self.fences != before

    async def give_up(self) -> None:
        """Lets the others take over at once."""
        self.fences = {}
        await in_transaction(self._factory, self._leave)

    async def still_ours(self, uow: UnitOfWork, fences: Mapping[int, int]) -> set[int]:
        """The shards still held under those fences; nobody can take them before the transaction ends."""
        held = {row.shard: row.fence for row in await uow.execute(_LOCK_MINE, {"me": self.owner})}
        return {shard for shard, fence in fences.items() if held.get(shard) == fence}

    async def _refresh(self, uow: UnitOfWork) -> dict[int, int]:
        me = {"me": self.owner}
        lease = {**me, "lease": int(self._seconds * 1_000_000)}
        await uow.execute(_HELLO, lease)
        await uow.execute(_BURY)
        alive = (await uow.execute(_ALIVE)).scalar_one()
        # Not before the connection is there: the lease counts from when this statement begins.
        self._renewed_at = self._monotonic()
        renewed = (await uow.execute(_RENEW, lease)).rowcount
        fair = -(-SHARDS // alive)
        if renewed > fair:
            await uow.execute(_GIVE, {**me, "count": renewed - fair})
        elif renewed < fair:
            await uow.execute(_TAKE, {**lease, "count": fair - renewed})
        return {row.shard: row.fence for row in await uow.execute(_MINE, me)}

    async def _leave(self, uow: UnitOfWork) -> None:
        await uow.execute(_GIVE, {"me": self.owner, "count": SHARDS})
        await uow.execute(_BYE, {"me": self.owner})
