"""A sale watched once a second: its tables by one statement, its own view, and whether payment answers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pymysql

from amazonlite.common.testing.stores import address
from amazonlite.inventory.stock.domain import EntryKind, balance
from support.shop import Shop

EVERY_SECONDS = 1.0
# Of one observation, so that a server that is stopped in the middle of it does not stop the watch.
TIMEOUT_SECONDS = 2
COUNTERS = ("allocated", "free", "held", "sold", "returned")
FREE = "SELECT free FROM flash_sale WHERE id = %s"
# One statement, so that all of it is read from one snapshot while claims go on.
SNAPSHOT = """
SELECT allocated, free, held, sold, returned,
    (SELECT CAST(COALESCE(SUM(l.quantity), 0) AS SIGNED) FROM reservation r
     JOIN reservation_line l ON l.reservation_id = r.id WHERE r.sale_id = flash_sale.id AND r.state = 'HELD'),
    (SELECT CAST(COALESCE(SUM(l.quantity), 0) AS SIGNED) FROM reservation r
     JOIN reservation_line l ON l.reservation_id = r.id WHERE r.sale_id = flash_sale.id AND r.state = 'CONFIRMED'),
    (SELECT COALESCE(GREATEST(0, TIMESTAMPDIFF(MICROSECOND, MIN(r.expires_at), SYSDATE(6))), 0) FROM reservation r
     WHERE r.sale_id = flash_sale.id AND r.state = 'HELD'),
    (SELECT COALESCE(MAX(units), 0) FROM (
        SELECT r.sale_id, SUM(l.quantity) AS units FROM reservation r JOIN reservation_line l ON l.reservation_id = r.id
        WHERE r.sale_id = %s AND r.state IN ('HELD', 'CONFIRMED') GROUP BY r.customer_id) AS of_each),
    (SELECT JSON_OBJECTAGG(kind, units) FROM (
        SELECT kind, CAST(SUM(quantity) AS SIGNED) AS units FROM ledger WHERE sale_id = %s GROUP BY kind) AS entries)
FROM flash_sale WHERE id = %s
"""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The tables at one moment. ``overdue`` is for how many seconds the oldest unpaid hold has been past its time."""

    counters: tuple[int, ...]
    by_ledger: tuple[int, ...]
    held: int
    sold: int
    overdue: float
    most_of_a_customer: int


@dataclass(slots=True)
class Samples:
    """What was seen; ``broken`` lists every observation that broke a rule. Times are seconds since 1970.

    An unpaid hold is late for as long as it is overdue while everything that is needed to give it back works: the
    database and payment answer, and no fault is struck against them or inventory.
    """

    quantity: int
    limit: int = 1
    seen: list[dict[str, Any]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    attempts: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    viewed: list[float] = field(default_factory=list)
    peak_active: int = 0
    most_late: float = 0.0
    _delays: int = 0
    _overdue_for: float = 0.0
    _free_at: float = 0.0

    @contextlib.contextmanager
    def returns_delayed(self) -> Iterator[None]:
        """Inside the block, and until they had time to catch up, unpaid holds may be overdue."""
        self._delays += 1
        try:
            yield
        finally:
            self._delays -= 1
            self._free_at = 0.0

    def take(self, snapshot: Snapshot | None, view: dict[str, Any] | None, *, payments: bool, at: float) -> None:
        """Checks one observation; what did not answer is never taken for good."""
        self.attempts.append(at)
        self._count_lateness(snapshot, payments, at)
        if view is not None:
            self.seen.append(view)
            self.viewed.append(at)
            self.peak_active = max(self.peak_active, view["queue"]["active"])
        if snapshot is not None:
            self.answered.append(at)
            self._judge(snapshot)

    def _count_lateness(self, snapshot: Snapshot | None, payments: bool, at: float) -> None:
        """Adds up only the time between two observations at which nothing stood in the way."""
        free = snapshot is not None and payments and not self._delays
        if free and self._free_at:
            self._overdue_for += at - self._free_at
        self._free_at = at if free else 0.0
        if snapshot is not None and free:
            self._overdue_for = min(self._overdue_for, snapshot.overdue)
            self.most_late = max(self.most_late, self._overdue_for)

    def _judge(self, snapshot: Snapshot) -> None:
        allocated, free, held, sold, _ = snapshot.counters
        rules = {
            "allocated = free + held + sold": allocated == free + held + sold,
            "held + sold within the quantity": held + sold <= self.quantity,
            "counters and holds agree": (held, sold) == (snapshot.held, snapshot.sold),
            "counters and ledger agree": snapshot.counters == snapshot.by_ledger,
            "no customer has too many": snapshot.most_of_a_customer <= self.limit,
        }
        self.broken += [f"{rule}: {snapshot}" for rule, kept in rules.items() if not kept]

    @property
    def longest_gap(self) -> float:
        """Seconds between two observations, whether they were answered or not."""
        return _longest(self.attempts)

    @property
    def longest_unseen(self) -> float:
        """Seconds between two observations that the database answered."""
        return _longest(self.answered)

    @property
    def longest_unviewed(self) -> float:
        """Seconds between two observations to which the shop showed its own view."""
        return _longest(self.viewed)


def snapshot_of(sale_id: str) -> Snapshot | None:
    """The tables of a sale; None while the database does not answer."""
    row = _row(SNAPSHOT, sale_id, sale_id, sale_id)
    if row is None:
        return None
    *counters, held, sold, overdue, most, entries = row
    told = balance({EntryKind(kind): units for kind, units in json.loads(entries or "{}").items()})
    by_ledger = tuple(getattr(told, name) for name in COUNTERS)
    return Snapshot(tuple(map(int, counters)), by_ledger, int(held), int(sold), float(overdue) / 1e6, int(most))


def free_units(sale_id: str) -> int | None:
    """How many units can be claimed; None while the database does not answer."""
    row = _row(FREE, sale_id)
    return None if row is None else int(row[0])


def _row(statement: str, *values: str) -> tuple[Any, ...] | None:
    with contextlib.suppress(pymysql.OperationalError), _inventory() as connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
        row: tuple[Any, ...] | None = cursor.fetchone()
        return row
    return None


def _inventory() -> pymysql.Connection[Any]:
    return pymysql.connect(
        host=address("TEST_MYSQL_HOST"),
        port=int(address("TEST_MYSQL_PORT")),
        user="root",
        password=address("TEST_MYSQL_ROOT_PASSWORD"),
        database="inventory",
        connect_timeout=TIMEOUT_SECONDS,
        read_timeout=TIMEOUT_SECONDS,
    )


@asynccontextmanager
async def sampled(shop: Shop, sale_id: str, quantity: int) -> AsyncIterator[Samples]:
    """Watches the sale for as long as the block runs. What breaks the watch breaks the test that relies on it."""
    samples = Samples(quantity)

    async def watch() -> None:
        while True:
            at = time.time()
            snapshot, view, payments = await asyncio.gather(
                asyncio.to_thread(snapshot_of, sale_id),
                _within(shop.sale_view(sale_id)),
                _within(shop.payments_of(sale_id)),
            )
            samples.take(snapshot, view, payments=payments is not None, at=at)
            await asyncio.sleep(max(0.0, at + EVERY_SECONDS - time.time()))

    watching = asyncio.create_task(watch())
    try:
        yield samples
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


async def _within(answer: Any) -> Any:
    """The answer, or None when it takes too long."""
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await answer
    except TimeoutError:
        return None


def _longest(moments: list[float]) -> float:
    return max((later - earlier for earlier, later in pairwise(moments)), default=float("inf"))
