"""Inventory can take units back after it settled a sale: the sale is judged by what is sold when it is judged."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.sale_world import SALE_ID, World, spec


async def settled_with_a_cancellation_under_way(**fields: Any) -> World:
    """Ten sold; an order is cancelled and its money back, but inventory has not heard of it."""
    world = World(spec(**fields))
    await world.run(62)
    world.inventory.claim(SALE_ID, 10)
    world.inventory.pay(SALE_ID, 10)
    world.books.missing_orders = 1
    await world.run(30)
    assert world.condition("Settled") == ("False", "AwaitingBooks")
    return world


async def take_back(world: World) -> None:
    world.inventory.take_back(SALE_ID, 1)
    world.books.missing_orders = 0
    await world.run(3)


async def test_units_taken_back_after_the_settlement_count_when_the_books_are_judged() -> None:
    world = await settled_with_a_cancellation_under_way()
    await take_back(world)
    assert world.phase == "Settled"
    assert world.condition("Settled") == ("True", "BooksBalanced")
    assert "9 sold, 9 ordered" in world.status["outcome"]["message"]


async def test_an_aborted_sale_counts_them_too() -> None:
    world = World(spec())
    await world.run(62)
    world.inventory.claim(SALE_ID, 4)
    world.inventory.pay(SALE_ID, 4)
    world.books.missing_orders = 1
    world.change_spec(abort=True)
    await world.run(5)
    await take_back(world)
    assert (world.phase, world.status["stock"]["sold"]) == ("Aborted", 3)


async def test_the_settlement_and_the_evidence_hold_the_stock_that_was_judged() -> None:
    world = await settled_with_a_cancellation_under_way()
    at = world.status["settlement"]["at"]
    await take_back(world)
    expected = {"allocated": 9, "free": 0, "held": 0, "sold": 9, "returned": 1}
    assert world.status["settlement"] == {"at": at, "stock": expected, "oversold": 0, "conserved": True}
    assert world.status["stock"] == expected
    name = world.status["evidence"]["configMap"]
    found = world.cluster.objects[f"/api/v1/namespaces/amazonlite/configmaps/{name}"]
    assert json.loads(found["data"]["evidence.json"])["stock"] == expected


async def test_while_the_books_are_awaited_the_status_shows_what_inventory_says() -> None:
    world = await settled_with_a_cancellation_under_way()
    world.inventory.take_back(SALE_ID, 2)
    await world.run(3)
    assert world.condition("Settled") == ("False", "AwaitingBooks")
    assert (world.status["stock"]["sold"], world.status["progress"]["sold"]) == (8, 8)


async def test_a_sale_does_not_fail_by_old_counters_while_inventory_is_away() -> None:
    world = await settled_with_a_cancellation_under_way()
    world.inventory.take_back(SALE_ID, 1)
    world.books.missing_orders = 0
    world.inventory.up = False
    await world.run(90)
    assert world.condition("Settled") == ("False", "AwaitingBooks")
    settled = next(c for c in world.status["conditions"] if c["type"] == "Settled")
    assert settled["message"].startswith("inventory does not answer; 10 sold, 9 ordered")
    world.inventory.up = True
    await world.run(3)
    assert world.phase == "Settled"


@pytest.mark.parametrize("taken", [0, 2])
async def test_books_that_differ_from_what_is_sold_now_still_fail(taken: int) -> None:
    world = await settled_with_a_cancellation_under_way()
    world.inventory.take_back(SALE_ID, taken)
    await world.run(90)
    assert (world.phase, world.condition("Settled")[1]) == ("Failed", "ReconciliationMismatch")
    assert world.status["settlement"]["stock"]["sold"] == 10 - taken
