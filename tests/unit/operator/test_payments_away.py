"""PaidOrdersKept says only what was read lately, and nobody reads for a sale that is gone or another's to lead."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from amazonlite.common.core.clock import iso
from amazonlite_operator.flash_sale import metrics
from amazonlite_operator.flash_sale.kind import FLASH_SALE
from amazonlite_operator.flash_sale.phases import Phase
from amazonlite_operator.flash_sale.reasons import Reason
from amazonlite_operator.flash_sale.status import SaleOutcome
from amazonlite_operator.kind.actions import Wait
from amazonlite_operator.kind.publish import status_to_write
from amazonlite_operator.shop.books import Books
from support.fake_observations import AFTER, START, observed, status
from support.sale_world import KEY, World, path_of, spec

HOUR = 3600


async def live(**fields: Any) -> World:
    world = World(spec(**fields))
    await world.run(75)
    assert world.condition("PaidOrdersKept") == ("True", "PaidOrdersKept")
    return world


def message(world: World) -> str:
    return str(next(c["message"] for c in world.status["conditions"] if c["type"] == "PaidOrdersKept"))


def exported() -> list[float]:
    return [sample.value for metric in metrics.PAID_ORDERS_LOST.collect() for sample in metric.samples]


def written_by_the_next_leader(world: World, lost: int) -> None:
    """What another replica read and wrote into the status just now."""
    assert world.resource is not None
    world.resource["status"]["books"] |= {"paidOrdersLost": lost, "readAt": iso(world.clock.now())}


class Hanging:
    """Orders and payments that never answer; `given_up` counts the readings that were cancelled."""

    def __init__(self) -> None:
        self.asked = self.given_up = 0

    async def books(self, sale_id: str) -> Books:
        self.asked += 1
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        raise AssertionError(sale_id)


async def test_the_time_of_the_reading_is_kept_with_it() -> None:
    world = await live()
    first = world.status["books"]["readAt"]
    await world.run(20)
    assert first < world.status["books"]["readAt"] <= iso(world.clock.now())


async def test_payments_away_for_half_a_minute_make_it_unknown_and_say_since_when() -> None:
    world = await live()
    world.books.up = False
    await world.run(20)
    assert world.condition("PaidOrdersKept")[0] == "True"
    read_at = world.status["books"]["readAt"]
    await world.run(20)
    assert world.condition("PaidOrdersKept") == ("Unknown", "PaymentsNotRead")
    assert message(world).startswith(f"last read at {read_at}. ")
    world.books.up = True
    await world.run(12)
    assert world.condition("PaidOrdersKept") == ("True", "PaidOrdersKept")


async def test_a_known_loss_stays_known_however_long_payments_are_away() -> None:
    world = await live()
    world.books.paid_orders_lost = 1
    await world.run(12)
    world.books.up = False
    await world.run(300)
    assert world.condition("PaidOrdersKept") == ("False", "PaidOrdersLost")


async def test_waiting_for_the_books_of_a_settled_sale_counts_as_not_read() -> None:
    world = await live()
    world.books.up = False
    world.change_spec(abort=True)
    await world.run(60)
    assert world.condition("Settled") == ("False", "AwaitingBooks")
    assert world.condition("PaidOrdersKept") == ("Unknown", "PaymentsNotRead")


async def test_what_a_sale_was_judged_by_does_not_grow_old() -> None:
    world = await live()
    world.change_spec(abort=True)
    await world.run(10)
    world.clock.advance(HOUR)
    await world.settle_down()
    assert world.phase == "Aborted"
    assert world.condition("PaidOrdersKept") == ("True", "PaidOrdersKept")


def test_a_sale_that_failed_without_its_books_was_not_judged_by_an_old_reading() -> None:
    outcome = SaleOutcome(at=AFTER, phase=Phase.FAILED, reason="StockNotConserved", message="")
    failed = status(Phase.FAILED, outcome=outcome, books=Books(read_at=START))
    wait = Wait(None, Reason.STOCK_NOT_CONSERVED)
    written = status_to_write(FLASH_SALE.decisions, observed(Phase.FAILED, AFTER, status=failed), failed, wait)
    kept = next(c for c in written.conditions if c.type == "PaidOrdersKept")
    assert (kept.status, kept.reason) == ("Unknown", "PaymentsNotRead")


async def test_an_older_reading_never_replaces_a_newer_one_of_another_leader() -> None:
    world = await live()
    world.books.up = False
    world.clock.advance(10)
    written_by_the_next_leader(world, lost=1)
    await world.run(5)
    assert world.condition("PaidOrdersKept") == ("False", "PaidOrdersLost")


async def test_a_replica_that_steps_down_forgets_its_readings_and_exports_nothing() -> None:
    world = await live()
    assert exported() == [0]
    world.reconciler.drop_all()
    assert exported() == []
    world.clock.advance(HOUR / 12)
    written_by_the_next_leader(world, lost=0)
    world.books.up = False
    await world.run(20)
    assert world.status["books"]["readAt"] > iso(world.clock.now() - timedelta(seconds=25))


async def test_stepping_down_ends_a_reading_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    world, hanging = await live(), Hanging()
    monkeypatch.setattr(world.books, "books", hanging.books)
    await world.run(12)
    assert (hanging.asked, hanging.given_up) == (1, 0)
    world.reconciler.drop_all()
    await asyncio.sleep(0)
    assert hanging.given_up == 1


async def test_an_observation_of_a_sale_that_is_deleted_meanwhile_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, hanging = await live(), Hanging()
    monkeypatch.setattr(world.books, "books", hanging.books)
    get = world.cluster.get

    async def get_and_lose(path: str) -> dict[str, Any] | None:
        found = await get(path)
        if path == path_of(KEY):
            world.cluster.objects.pop(path, None)
        return found

    world.clock.advance(10)
    monkeypatch.setattr(world.cluster, "get", get_and_lose)
    await world.reconciler(KEY)
    assert (hanging.asked, hanging.given_up) == (1, 0)
    assert await world.reconciler(KEY) is None
    await asyncio.sleep(0)
    assert hanging.given_up == 1
    assert exported() == []


async def test_a_new_sale_of_the_same_name_ends_the_reading_of_the_old_one(monkeypatch: pytest.MonkeyPatch) -> None:
    world, hanging = await live(), Hanging()
    monkeypatch.setattr(world.books, "books", hanging.books)
    await world.run(12)
    assert world.resource is not None
    world.resource["metadata"]["uid"] = "0b9d2a54-0000-4000-8000-000000000002"
    await world.reconciler(KEY)
    await asyncio.sleep(0)
    assert hanging.given_up == 1
