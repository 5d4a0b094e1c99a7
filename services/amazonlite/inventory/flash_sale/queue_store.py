"""The queue as Redis keeps it. It only admits, MySQL decides: everything here may vanish and comes back by itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha1
from importlib.resources import files
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from amazonlite.common.core.batcher import Batcher
from amazonlite.common.observe.logs import get_logger
from amazonlite.inventory.flash_sale.domain import Sale
from amazonlite.inventory.flash_sale.errors import QueueUnavailable
from amazonlite.inventory.flash_sale.store import Turnout
from amazonlite.inventory.flash_sale.ticket import Ticket

log = get_logger(__name__)

NAMES = ("config", "waiting", "active", "admitted", "seen", "arrivals", "gone", "bucket", "stats")
REBUILD_GRACE = timedelta(seconds=2)
TIMEOUT_SECONDS = 1.0
CONNECTIONS = 50
VISITS_AT_ONCE = 100


class Standing(StrEnum):
    """Where a shopper stands. UNSEEDED: Redis does not know the sale and has to be told."""

    WAITING = "WAITING"
    ADMITTED = "ADMITTED"
    LEFT = "LEFT"
    CLOSED = "CLOSED"
    NOT_OPEN = "NOT_OPEN"
    UNSEEDED = "UNSEEDED"


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """``position`` counts from 1 while waiting. Rates are admissions a second, times microseconds since 1970."""

    standing: Standing
    arrival: int = 0
    position: int = 0
    reason: str = ""
    measured_rate: float = 0.0
    rate: float = 0.0
    starts: int = 0
    sale_state: str = ""
    now: int = 0


@dataclass(frozen=True, slots=True)
class QueueCount:
    waiting: int
    active: int
    turnout: Turnout


def connect(url: str) -> Redis:
    """Fails within seconds, and reconnects by itself."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS,
        timeout=TIMEOUT_SECONDS,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 1),
        decode_responses=True,
    )
    return Redis(connection_pool=pool)


Visit = tuple[Ticket, int]
"""A ticket, and its customer's draw."""


class QueueStore:
    """Every method is one script, hence atomic; visits travel together. QueueUnavailable when Redis does not answer."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._tick, self._join, self._visit, self._leave, self._count = map(
            _Script, ("tick", "join", "visit", "leave", "count")
        )
        self._visits: Batcher[Visit, QueuePosition] = Batcher(self._visit_together, at_most=VISITS_AT_ONCE)

    async def tick(self, sale: Sale, now: datetime, known: Turnout, *, grace: timedelta = REBUILD_GRACE) -> Turnout:
        """Tells Redis the sale and admits whom it can; ``now`` is the database's time. The turnout so far."""
        arguments: list[Any] = [
            sale.version,
            sale.state.value,
            sale.admission.max_active,
            sale.admission.rate_per_second,
            sale.admission.order.value,
            _microseconds(sale.terms.starts_at),
            _microseconds(sale.terms.ends_at),
            sale.counters.free,
            sale.closed_reason(now),
            int(grace.total_seconds() * 1e6),
            known.admitted,
            known.rejected,
        ]
        admitted, rejected = await self._run(self._tick, sale.id, arguments)
        return Turnout(int(admitted or 0), int(rejected or 0))

    async def join(self, sale_id: str, customer_id: str, draw: int) -> QueuePosition:
        return _place(await self._run(self._join, sale_id, [customer_id, draw]))

    async def visit(self, ticket: Ticket, draw: int) -> QueuePosition:
        """Renews the shopper's lease or waiting place."""
        return await self._visits.ask((ticket, draw))

    async def visit_all(self, sale_id: str, visits: Sequence[Visit]) -> list[QueuePosition]:
        """As ``visit``, for tickets of one sale."""
        arguments = [word for ticket, draw in visits for word in (ticket.customer_id, ticket.arrival, draw)]
        replies = await self._run(self._visit, sale_id, arguments)
        # No answers at all: Redis does not know the sale.
        return [_place(reply) for reply in replies] or [QueuePosition(Standing.UNSEEDED)] * len(visits)

    async def leave(self, sale_id: str, customers: Sequence[str]) -> None:
        await self._run(self._leave, sale_id, list(customers))

    async def count(self, sale_id: str) -> QueueCount:
        waiting, active, admitted, rejected = await self._run(self._count, sale_id, [])
        return QueueCount(waiting, active, Turnout(admitted, rejected))

    async def close(self) -> None:
        await self._redis.aclose()

    async def _visit_together(self, visits: Sequence[Visit]) -> list[QueuePosition]:
        by_sale: dict[str, list[Visit]] = defaultdict(list)
        for visit in visits:
            by_sale[visit[0].sale_id].append(visit)
        places = {sale_id: iter(await self.visit_all(sale_id, asked)) for sale_id, asked in by_sale.items()}
        return [next(places[ticket.sale_id]) for ticket, _ in visits]

    async def _run(self, script: _Script, sale_id: str, arguments: Sequence[Any]) -> Any:
        # The braces keep a sale's keys in one slot of a Redis cluster.
        keys = [f"fs:{{{sale_id}}}:{name}" for name in NAMES]
        try:
            try:
                return await _reply(self._redis.evalsha(script.sha, len(keys), *keys, *arguments))
            except NoScriptError:
                return await _reply(self._redis.eval(script.text, len(keys), *keys, *arguments))
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("queue_store_away", error=type(error).__name__, detail=str(error)[:200])
            raise QueueUnavailable from error


class _Script:
    def __init__(self, name: str) -> None:
        folder = files("amazonlite.inventory.flash_sale") / "lua"
        self.text = (folder / "admission.lua").read_text() + (folder / f"{name}.lua").read_text()
        self.sha = sha1(self.text.encode(), usedforsecurity=False).hexdigest()


async def _reply(pending: Any) -> Any:
    """redis-py types its asynchronous answers as those of the blocking client too."""
    return await pending


def _place(reply: Sequence[Any]) -> QueuePosition:
    standing = Standing(reply[0])
    if standing is Standing.UNSEEDED:
        return QueuePosition(standing)
    _, arrival, position, reason, measured, rate, starts, sale_state, now = reply
    return QueuePosition(
        standing, arrival, position, reason, float(measured), float(rate), int(starts), sale_state, int(now)
    )


def _microseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1e6)
