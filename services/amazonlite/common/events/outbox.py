"""The relay's SQL: which events to send next, and what became of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple, cast

from sqlalchemy import text

from amazonlite.common.data.unit_of_work import UnitOfWork


class OutboxRow(NamedTuple):
    shard: int
    seq: int
    aggregate_id: str
    topic: str
    payload: bytes


_SEQ = attrgetter("seq")


class HeldRow(NamedTuple):
    """The oldest unsent event of an aggregate, refused `attempts` times."""

    shard: int
    seq: int
    aggregate_id: str
    topic: str
    payload: bytes
    attempts: int


class Refusal(NamedTuple):
    attempts: int
    poisoned: bool
    retry_seconds: float
    reason: str


_REFUSE = text(
    "INSERT INTO outbox_held (aggregate_id, seq, shard, attempts, poisoned, retry_at, last_error) VALUES"
    " (:aggregate_id, :seq, :shard, :attempts, :poisoned,"
    "  IF(:poisoned, NULL, NOW(6) + INTERVAL :pause MICROSECOND), :reason)"
    " ON DUPLICATE KEY UPDATE attempts = VALUES(attempts), poisoned = VALUES(poisoned),"
    "  retry_at = VALUES(retry_at), last_error = VALUES(last_error)"
)
_PARK = text("INSERT INTO outbox_held (aggregate_id, seq, shard) VALUES (:aggregate_id, :seq, :shard)")
_FORGET_HEAD = text("DELETE FROM outbox_held WHERE aggregate_id = :aggregate_id AND seq = :seq")
_UNPARK = text(
    "INSERT INTO outbox_pending (shard, seq) SELECT shard, seq FROM outbox_held WHERE aggregate_id = :aggregate_id"
)
_FORGET = text("DELETE FROM outbox_held WHERE aggregate_id = :aggregate_id")
_AGE = text(
    "SELECT COALESCE(TIMESTAMPDIFF(MICROSECOND, MIN(created_at), NOW(6)), 0) / 1000000 FROM outbox"
    " WHERE seq IN (SELECT MIN(seq) FROM outbox_pending GROUP BY shard)"
)
_POISONED = text("SELECT COUNT(*) FROM outbox_held WHERE poisoned = 1")
_OLDEST = text(
    "SELECT o.seq, o.created_at < NOW(6) - INTERVAL :seconds SECOND AS old,"
    "  EXISTS(SELECT 1 FROM outbox_pending p WHERE p.shard = o.shard AND p.seq = o.seq)"
    "  OR EXISTS(SELECT 1 FROM outbox_held h WHERE h.aggregate_id = o.aggregate_id AND h.seq = o.seq) AS unsent"
    " FROM outbox o WHERE o.seq > :after ORDER BY o.seq LIMIT :count"
)


async def newest(uow: UnitOfWork) -> int:
    """The highest number committed. What is committed from now on to an aggregate that anybody waits for gets a higher
    one, because it is written after the commit before it."""
    return int((await uow.driver_sql("SELECT MAX(seq) FROM outbox")).scalar() or 0)


async def next_rows(uow: UnitOfWork, after: Mapping[int, int], per_shard: int, *, up_to: int) -> list[OutboxRow]:
    """The oldest pending rows of each shard behind its `after`, in the order they were written, none above `up_to`.

    Each shard is one range of the primary key: neither sent rows nor another relay's backlog are ever passed over.
    """
    ranges = " UNION ALL ".join(
        f"(SELECT seq FROM outbox_pending WHERE shard = {shard} AND seq > {seq}"  # noqa: S608 - our own integers
        f" AND seq <= {up_to} ORDER BY seq LIMIT {per_shard})"
        for shard, seq in after.items()
    )
    if not ranges:
        return []
    found = await uow.driver_sql(
        f"SELECT o.shard, o.seq, o.aggregate_id, o.topic, o.payload FROM ({ranges}) p"  # noqa: S608 - our own integers
        " STRAIGHT_JOIN outbox o ON o.seq = p.seq"
    )
    # An attribute of SQLAlchemy's rows costs ten times one of ours; sorted in the database, payloads would move along.
    return sorted(map(OutboxRow._make, found.all()), key=_SEQ)


async def forget_pending(uow: UnitOfWork, rows: Iterable[OutboxRow]) -> None:
    ranges = " OR ".join(f"shard = {shard} AND seq IN ({seqs})" for shard, seqs in _by_shard(rows).items())
    if ranges:
        await uow.driver_sql(f"DELETE FROM outbox_pending WHERE {ranges}")  # noqa: S608 - our own integers


async def hold_refused(uow: UnitOfWork, row: OutboxRow | HeldRow, refusal: Refusal) -> None:
    values = {
        "aggregate_id": row.aggregate_id,
        "seq": row.seq,
        "shard": row.shard,
        "attempts": refusal.attempts,
        "poisoned": refusal.poisoned,
        "pause": int(refusal.retry_seconds * 1_000_000),
        "reason": refusal.reason[:500],
    }
    await uow.execute(_REFUSE, values)


async def park(uow: UnitOfWork, rows: Sequence[OutboxRow]) -> None:
    """Puts rows behind the refused one of their aggregate."""
    if rows:
        keys = [{"aggregate_id": row.aggregate_id, "seq": row.seq, "shard": row.shard} for row in rows]
        await uow.execute(_PARK, keys)


async def due_heads(uow: UnitOfWork, shards: Sequence[int], count: int) -> list[HeldRow]:
    """Refused rows whose time has come again. A head neither poisoned nor scheduled lost the one before it: due now."""
    owned = ",".join(map(str, shards)) or "NULL"
    rows = await uow.driver_sql(
        "SELECT h.shard, h.seq, h.aggregate_id, o.topic, o.payload, h.attempts"  # noqa: S608 - our own integers
        " FROM (SELECT aggregate_id, MIN(seq) AS seq FROM outbox_held GROUP BY aggregate_id) head"
        " JOIN outbox_held h ON h.aggregate_id = head.aggregate_id AND h.seq = head.seq JOIN outbox o ON o.seq = h.seq"
        f" WHERE h.shard IN ({owned}) AND h.poisoned = 0 AND (h.retry_at IS NULL OR h.retry_at <= NOW(6))"
        f" ORDER BY h.seq LIMIT {count}"
    )
    return cast(list[HeldRow], rows.all())


async def unblock(uow: UnitOfWork, head: HeldRow) -> None:
    """The head was sent: the rows behind it are pending again."""
    await uow.execute(_FORGET_HEAD, {"aggregate_id": head.aggregate_id, "seq": head.seq})
    await uow.execute(_UNPARK, {"aggregate_id": head.aggregate_id})
    await uow.execute(_FORGET, {"aggregate_id": head.aggregate_id})


async def blocked_aggregates(uow: UnitOfWork, shards: Sequence[int]) -> set[str]:
    owned = ",".join(map(str, shards)) or "NULL"
    rows = await uow.driver_sql(f"SELECT DISTINCT aggregate_id FROM outbox_held WHERE shard IN ({owned})")  # noqa: S608
    return {row.aggregate_id for row in rows}


async def oldest_unsent_seconds(uow: UnitOfWork) -> float:
    return float((await uow.execute(_AGE)).scalar() or 0)


async def poisoned_count(uow: UnitOfWork) -> int:
    return int((await uow.execute(_POISONED)).scalar() or 0)


async def purge(uow: UnitOfWork, *, after: int, older_than_seconds: float, count: int) -> int | None:
    """Deletes the old sent rows among the next `count`; the `seq` to go on from, None at the first young one."""
    values = {"after": after, "seconds": int(older_than_seconds), "count": count}
    rows = (await uow.execute(_OLDEST, values)).all()
    gone = ",".join(str(row.seq) for row in rows if row.old and not row.unsent)
    if gone:
        await uow.driver_sql(f"DELETE FROM outbox WHERE seq IN ({gone})")  # noqa: S608 - our own integers
    return rows[-1].seq if len(rows) == count and rows[-1].old else None


def _by_shard(rows: Iterable[OutboxRow]) -> dict[int, str]:
    seqs: dict[int, list[str]] = defaultdict(list)
    for row in rows:
        seqs[row.shard].append(str(row.seq))
    return {shard: ",".join(numbers) for shard, numbers in seqs.items()}
