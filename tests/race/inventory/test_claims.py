"""A thousand claimers, a hundred units, two pods: exactly a hundred holds, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

import pytest

from amazonlite.common.core.errors import DomainError, Unavailable
from amazonlite.common.data.errors import StoreUnavailable
from amazonlite.common.testing.eventually import eventually
from amazonlite.common.testing.stores import root_cursor
from amazonlite.inventory.flash_sale import queue
from amazonlite.inventory.flash_sale.decide import Claim, Held
from amazonlite.inventory.flash_sale.domain import Admission, SaleAudit
from amazonlite.inventory.flash_sale.errors import CustomerLimitReached, NotAdmitted, SoldOut
from amazonlite.inventory.flash_sale.queue_store import Standing
from amazonlite.inventory.flash_sale.ticket import Ticket
from amazonlite.inventory.stock.domain import Stock
from support.inventory import Pod, running, terms, together
from support.own_redis import OwnRedis

CLAIMERS, UNITS = 1000, 100


@dataclass
class Watch:
    """Looks at the sale all the time; every look must add up."""

    pod: Pod
    sale: str
    looks: list[SaleAudit] = field(default_factory=list)

    @property
    def held(self) -> int:
        return self.looks[-1].sale.counters.held if self.looks else 0

    async def run(self) -> None:
        while True:
            books = await self.pod.books(self.sale)
            stock = await self.pod.stock("B01")
            assert books.conserved, books
            assert books.oversold == 0, books
            assert stock.on_hand == stock.available + stock.reserved, stock
            self.looks.append(books)
            await asyncio.sleep(0.005)


async def outcome_of(claim: Callable[[], Awaitable[Held]], interrupted: Counter[str] | None = None) -> str:
    """The hold's id, or the code of the refusal; what is unavailable is tried again with the same key."""
    while True:
        try:
            return (await claim()).hold.id
        except Unavailable as error:
            if interrupted is not None:
                interrupted[error.code] += 1
            await asyncio.sleep(0.05)
        except DomainError as refusal:
            return refusal.code


async def assert_exactly_sold(pod: Pod, sale: str, holds: Counter[str]) -> None:
    books = await pod.books(sale)
    assert books.sale.counters.held == UNITS
    assert books.sale.counters.free == 0
    assert books.conserved
    assert len(holds) == UNITS
    per_customer = await pod.ask(
        "SELECT customer_id, COUNT(*) FROM reservation GROUP BY customer_id HAVING COUNT(*) > 1"
    )
    assert per_customer == []
    [(events,)] = await pod.ask("SELECT COUNT(*) FROM outbox WHERE topic = 'flash-sale.claimed.v1'")
    assert events == UNITS


async def test_exactly_the_units_there_are_get_held(two_pods: list[Pod]) -> None:
    sale = await two_pods[0].on_sale(terms("B01", UNITS))
    watch = Watch(two_pods[1], sale)
    claims = [Claim(sale, f"usr_{number % CLAIMERS}", "key", 1) for number in range(2 * CLAIMERS)]
    random.Random(7).shuffle(claims)

    async def arrive(claim: Claim) -> str:
        await asyncio.sleep(random.uniform(0, 1))
        return await outcome_of(partial(random.choice(two_pods).counter.claim, claim))

    async with running(watch.run()):
        outcomes = await together(arrive(claim) for claim in claims)
    by_customer: dict[str, set[str]] = {}
    for claim, outcome in zip(claims, outcomes, strict=True):
        by_customer.setdefault(claim.customer_id, set()).add(outcome)
    holds = Counter(outcome for outcome in outcomes if outcome.startswith("hld_"))
    assert set(holds.values()) == {2}, "each claim was made twice under one key, wherever it went"
    assert all(len(seen) == 1 for seen in by_customer.values())
    assert set(outcomes) - set(holds) == {SoldOut.code}
    assert len(watch.looks) >= 5
    await assert_exactly_sold(two_pods[0], sale, holds)


async def test_no_customer_gets_more_than_the_limit_by_trying_everywhere_at_once(two_pods: list[Pod]) -> None:
    sale = await two_pods[0].on_sale(terms("B01", 500, per_customer_limit=3))
    claims = [
        (random.choice(two_pods), Claim(sale, f"usr_{customer}", f"key{attempt}", 1 + attempt % 2))
        for customer in range(20)
        for attempt in range(10)
    ]
    random.Random(7).shuffle(claims)
    outcomes = await together(outcome_of(partial(pod.counter.claim, claim)) for pod, claim in claims)
    assert {outcome for outcome in outcomes if not outcome.startswith("hld_")} == {CustomerLimitReached.code}
    taken = await two_pods[0].ask(
        "SELECT SUM(quantity) FROM reservation JOIN reservation_line ON reservation_id = id GROUP BY customer_id"
    )
    assert [int(units) for (units,) in taken] == [3] * 20


async def test_killing_the_database_s_connections_neither_loses_nor_doubles_a_claim(two_pods: list[Pod]) -> None:
    sale = await two_pods[0].on_sale(terms("B01", UNITS))
    database = str(two_pods[0].engine.url.database)
    interrupted = Counter[str]()

    all_claimed = asyncio.Event()

    async def kill_connections() -> list[str]:
        while not all_claimed.is_set():
            await asyncio.to_thread(_kill_all, database)
            await asyncio.sleep(0.01)
        return []

    async def claim_all() -> list[str]:
        try:
            return await together(claim(number) for number in range(CLAIMERS))
        finally:
            all_claimed.set()

    async def claim(number: int) -> str:
        await asyncio.sleep(random.uniform(0, 1))
        wish = Claim(sale, f"usr_{number}", "key", 1)
        return await outcome_of(partial(two_pods[number % 2].counter.claim, wish), interrupted)

    _, outcomes = await together([kill_connections(), claim_all()])
    assert interrupted.total() > 0
    await two_pods[0].engine.dispose()  # a connection may die a moment after it was killed
    await assert_exactly_sold(two_pods[0], sale, Counter(o for o in outcomes if o.startswith("hld_")))


def _kill_all(database: str) -> None:
    with root_cursor() as cursor:
        cursor.execute("SELECT id FROM information_schema.processlist WHERE db = %s", (database,))
        for (connection,) in cursor.fetchall():
            try:
                cursor.execute(f"KILL {int(connection)}")
            except Exception as error:  # it ended by itself
                assert "1094" in str(error), error


async def test_emptying_redis_in_the_middle_of_the_rush_changes_nothing(
    two_pods: list[Pod], redis_server: OwnRedis
) -> None:
    slowly = Admission(max_active=20, rate_per_second=20)
    sale = await two_pods[0].on_sale(terms("B01", UNITS), slowly)
    watch = Watch(two_pods[1], sale)

    emptied_at: list[int] = []

    async def empty_redis() -> None:
        for held in (20, 60):
            await eventually(lambda held=held: watch.held >= held, within=60)  # type: ignore[misc]
            await asyncio.to_thread(redis_server.empty)
            emptied_at.append(watch.held)

    beside = (watch.run(), empty_redis(), *(pod.admitter.run() for pod in two_pods))
    async with running(*beside):
        outcomes = await together(_shop(two_pods[n % 2], watch, f"usr_{n}") for n in range(200))
    holds = Counter(outcome for outcome in outcomes if outcome.startswith("hld_"))
    assert len(emptied_at) == 2
    assert max(emptied_at) < UNITS, "the rush was over too soon"
    assert set(outcomes) - set(holds) <= {SoldOut.code, "gave_up"}
    await assert_exactly_sold(two_pods[0], sale, holds)


async def _shop(pod: Pod, watch: Watch, customer: str) -> str:
    """Queues and claims until there is an answer; gives up once nothing is free."""
    ticket: Ticket | None = None
    while watch.held < UNITS:
        await asyncio.sleep(random.uniform(0.5, 1.5))
        try:
            ticket = ticket or await pod.joined(watch.sale, customer)
            if (await queue.look(pod.sale_deps, ticket)).standing is Standing.ADMITTED:
                return (await pod.claim(ticket)).hold.id
        except (NotAdmitted, Unavailable):
            continue
        except DomainError as refusal:
            return refusal.code
    return "gave_up"


async def test_a_claim_whose_commit_was_lost_is_answered_by_its_retry(
    pod: Pod, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worst moment: the database has committed, and the pod never hears of it."""
    sale = await pod.on_sale(terms("B01", 10))
    commit = pod.counter._serve

    async def commit_and_lose_the_answer(sale_id: str, claims: object) -> object:
        await commit(sale_id, claims)  # type: ignore[arg-type]
        raise StoreUnavailable("the connection broke")

    monkeypatch.setattr(pod.counter, "_serve", commit_and_lose_the_answer)
    with pytest.raises(StoreUnavailable):
        await pod.counter.claim(Claim(sale, "usr_a", "key", 1))
    monkeypatch.undo()
    assert not (await pod.counter.claim(Claim(sale, "usr_a", "key", 1))).new
    assert (await pod.stock("B01")) == Stock("B01", 10, 0, 10)
    assert (await pod.books(sale)).sale.counters.held == 1
