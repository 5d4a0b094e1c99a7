"""The table of parked messages: which wait, which are due, and what became of them.

Guarantees: a queue (what is of one key) is tried from its oldest message on. Whoever tries one holds its row until the
effect is committed, so that no two members try the same one at once, and a member that dies lets go of it by that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import msgspec
from sqlalchemy import MetaData, TextClause, bindparam, select, text

from amazonlite.common.data.tables import inbox_parked_table
from amazonlite.common.data.unit_of_work import UnitOfWork

LONGEST_KEY = 128

_parked = inbox_parked_table(MetaData())
_PARK = text(
    "INSERT INTO inbox_parked (consumer, event_id, queue, topic, from_partition, from_offset, message_key, value,"
    "  headers, tries, due_at, last_error) VALUES (:consumer, :event_id, :queue, :topic, :partition, :offset, :key,"
    "  :value, :headers, :tries, NOW(6) + INTERVAL :pause MICROSECOND, :error)"
    " ON DUPLICATE KEY UPDATE seq = seq"  # a repeat of the relay's, or another member was first
)
_AMONG = (
    select(_parked.c.queue)
    .distinct()
    .where(_parked.c.consumer == bindparam("consumer"), _parked.c.queue.in_(bindparam("queues", expanding=True)))
)
_FIRST_OF_QUEUES = (
    "SELECT p.seq, p.queue, p.topic, p.from_partition, p.from_offset, p.message_key, p.value, p.headers, p.tries"
    " FROM inbox_parked p WHERE p.consumer = :consumer AND p.due_at <= NOW(6) - INTERVAL :ago MICROSECOND"
    " AND NOT EXISTS (SELECT 1 FROM inbox_parked before_it WHERE before_it.consumer = p.consumer"
    "  AND before_it.queue = p.queue AND before_it.seq < p.seq)"
    " AND {which} ORDER BY p.due_at, p.seq LIMIT :count"
)
_DUE = text(_FIRST_OF_QUEUES.format(which="p.topic IN :topics")).bindparams(bindparam("topics", expanding=True))
_ALONE = "?orphaned "  # begins the name of a queue of one event, which no key's queue is called like
_ORPHANED = text(
    _FIRST_OF_QUEUES.format(which=f"p.topic NOT IN :topics AND LEFT(p.queue, {len(_ALONE)}) <> '{_ALONE}'")
).bindparams(bindparam("topics", expanding=True))
_ISOLATE = text(f"UPDATE inbox_parked SET queue = CONCAT('{_ALONE}', seq), last_error = :error WHERE seq = :seq")  # noqa: S608
_HOLD = text(
    "SELECT 1 FROM inbox_parked WHERE seq = :seq AND tries = :tries AND due_at <= NOW(6) FOR UPDATE SKIP LOCKED"
)
_REMOVE = text("DELETE FROM inbox_parked WHERE seq = :seq")
_FAILED = text("UPDATE inbox_parked SET tries = :tries, last_error = :error WHERE seq = :seq")
_ALL_DUE = text(
    "UPDATE inbox_parked SET due_at = NOW(6) + INTERVAL :pause MICROSECOND"
    " WHERE consumer = :consumer AND queue = :queue"
)
_WAITING = text(
    "SELECT COUNT(*) AS messages, COALESCE(TIMESTAMPDIFF(SECOND, MIN(parked_at), NOW(6)), 0) AS seconds"
    " FROM inbox_parked WHERE consumer = :consumer"
)

Headers = list[tuple[str, bytes | None]]


class Received(Protocol):
    """A message as Kafka hands it over."""

    def topic(self) -> str | None: ...
    def partition(self) -> int | None: ...
    def offset(self) -> int | None: ...
    def key(self) -> bytes | None: ...
    def value(self) -> bytes | None: ...
    def headers(self) -> Any: ...


class Failure(NamedTuple):
    """How often handling failed, when to try again, and why: class and code, no message."""

    tries: int
    pause: float
    error: str


@dataclass(frozen=True, slots=True)
class Parked:
    """A parked message, to be read like one from Kafka; its queue and the failures so far."""

    seq: int
    queue: str
    tries: int
    row: Sequence[object]

    def topic(self) -> str:
        return str(self.row[0])

    def partition(self) -> int:
        return int(str(self.row[1]))

    def offset(self) -> int:
        return int(str(self.row[2]))

    def key(self) -> bytes:
        return _bytes(self.row[3])

    def value(self) -> bytes:
        return _bytes(self.row[4])

    def headers(self) -> Headers:
        return _headers.decode(_bytes(self.row[5]))


def queue_of(message: Received) -> str:
    """Stands for the message's key; a message without one is in order with all of its partition."""
    key = message.key()
    if not key:
        return f"?{message.topic()}[{message.partition()}]"
    try:
        name = key.decode()
    except UnicodeDecodeError:
        name = "?"
    return name if len(name) <= LONGEST_KEY and name[:1] != "?" else f"?{hashlib.sha256(key).hexdigest()}"


async def park(uow: UnitOfWork, consumer: str, event_id: str, message: Received, failure: Failure) -> None:
    values = {
        "consumer": consumer,
        "event_id": event_id,
        "queue": queue_of(message),
        "topic": message.topic(),
        "partition": message.partition(),
        "offset": message.offset(),
        "key": message.key() or b"",
        "value": message.value() or b"",
        "headers": msgspec.msgpack.encode(message.headers() or []),
        **_of(failure),
    }
    await uow.execute(_PARK, values)


async def among(uow: UnitOfWork, consumer: str, queues: Iterable[str]) -> frozenset[str]:
    """Those of the queues that have parked messages."""
    found = await uow.execute(_AMONG, {"consumer": consumer, "queues": list(queues)})
    return frozenset(found.scalars())


async def due(uow: UnitOfWork, consumer: str, topics: Sequence[str], count: int) -> list[Parked]:
    """The first messages of queues that are due; what stands on a topic that is not ours any more stays where it is."""
    return await _firsts(uow, _DUE, consumer, topics, 0, count)


async def orphaned(uow: UnitOfWork, consumer: str, topics: Sequence[str], seconds: float, count: int) -> list[Parked]:
    """The first messages of queues that stand on a topic not ours, and were due ``seconds`` ago, untried since."""
    return await _firsts(uow, _ORPHANED, consumer, topics, seconds, count)


async def _firsts(
    uow: UnitOfWork, statement: TextClause, consumer: str, topics: Sequence[str], ago: float, count: int
) -> list[Parked]:
    values = {"consumer": consumer, "topics": list(topics), "ago": int(ago * 1_000_000), "count": count}
    return [Parked(row.seq, row.queue, row.tries, row[2:8]) for row in await uow.execute(statement, values)]


async def hold(uow: UnitOfWork, parked: Parked) -> bool:
    """Nobody else tries it until the transaction ends; False if somebody does or did meanwhile."""
    found = await uow.execute(_HOLD, {"seq": parked.seq, "tries": parked.tries})
    return found.one_or_none() is not None


async def remove(uow: UnitOfWork, parked: Parked) -> None:
    """What waits behind it is due when it was."""
    await uow.execute(_REMOVE, {"seq": parked.seq})


async def isolate(uow: UnitOfWork, parked: Parked, error: str) -> None:
    """Keeps it, where nothing waits behind it."""
    await uow.execute(_ISOLATE, {"seq": parked.seq, "error": error})


async def done_with(uow: UnitOfWork, consumer: str, parked: Parked) -> None:
    """What waits behind it may be tried now."""
    await uow.execute(_REMOVE, {"seq": parked.seq})
    await uow.execute(_ALL_DUE, {"consumer": consumer, "queue": parked.queue, "pause": 0})


async def put_off(uow: UnitOfWork, consumer: str, parked: Parked, failure: Failure) -> None:
    """With what waits behind it, so that nobody looks at that before."""
    values = _of(failure)
    await uow.execute(_FAILED, {"seq": parked.seq, "tries": failure.tries, "error": values["error"]})
    await uow.execute(_ALL_DUE, {"consumer": consumer, "queue": parked.queue, "pause": values["pause"]})


async def waiting(uow: UnitOfWork, consumer: str) -> tuple[int, float]:
    """How many messages are parked, and for how many seconds the oldest is."""
    row = (await uow.execute(_WAITING, {"consumer": consumer})).one()
    return int(row.messages), float(row.seconds)


_headers = msgspec.msgpack.Decoder(Headers)


def _of(failure: Failure) -> dict[str, object]:
    return {"tries": failure.tries, "pause": int(failure.pause * 1_000_000), "error": failure.error[:200]}


def _bytes(column: object) -> bytes:
    return column if isinstance(column, bytes) else b""
