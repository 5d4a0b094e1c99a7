"""Creating orders: prices, idempotency and what others hear of it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from amazonlite.common.core.clock import iso
from amazonlite.common.core.money import Money
from amazonlite.common.data.idempotency import IdempotencyKeyReused, RequestInFlight
from amazonlite.order.create import Wish
from amazonlite.order.domain import DuplicateSku
from amazonlite.order.errors import MixedCurrencies, UnknownSku
from support.orders import ALICE, BOB, OrderBench


async def test_an_order_has_todays_prices_and_is_announced(bench: OrderBench) -> None:
    order_id = await bench.create(wishes=[Wish("B01", 2), Wish("B02", 3)])

    (created,) = await bench.events(order_id)
    assert created.type == "order.created.v1"
    assert created.data == {
        "orderId": order_id,
        "customerId": ALICE.subject,
        "lines": [
            {"sku": "B01", "quantity": 2, "unitPrice": {"amount": 1999, "currency": "USD"}},
            {"sku": "B02", "quantity": 3, "unitPrice": {"amount": 1, "currency": "USD"}},
        ],
        "total": {"amount": 4001, "currency": "USD"},
        "payBefore": iso(bench.clock.now() + timedelta(minutes=15)),
    }
    assert await bench.story(order_id) == [("PENDING", True, "create")]


async def test_the_same_key_gives_the_same_order_though_prices_changed(bench: OrderBench) -> None:
    _, first = await bench.answer(key="k1")
    bench.products.known["B01"] = Money(1, "USD")
    replayed, again = await bench.answer(key="k1")

    assert replayed
    assert again == first
    assert len(bench.products.asked) == 1
    assert await bench.kinds(str(first["orderId"])) == ["order.created.v1"]


async def test_the_same_key_for_something_else_is_refused(bench: OrderBench) -> None:
    await bench.create(key="k1")
    with pytest.raises(IdempotencyKeyReused):
        await bench.create(key="k1", wishes=[Wish("B01", 3)])


async def test_two_customers_may_use_the_same_key(bench: OrderBench) -> None:
    assert await bench.create(ALICE, key="k1") != await bench.create(BOB, key="k1")


async def test_the_same_key_at_once_makes_one_order(bench: OrderBench) -> None:
    answers = await asyncio.gather(*(bench.create(key="k1") for _ in range(8)), return_exceptions=True)

    made = {answer for answer in answers if isinstance(answer, str)}
    assert len(made) == 1
    assert all(isinstance(answer, str | RequestInFlight) for answer in answers)


async def test_a_refused_order_leaves_its_key_free(bench: OrderBench) -> None:
    with pytest.raises(UnknownSku):
        await bench.create(key="k1", wishes=[Wish("B99", 1)])
    bench.products.known["B99"] = Money(5, "USD")
    assert await bench.create(key="k1", wishes=[Wish("B99", 1)])


async def test_currencies_do_not_mix_and_products_stand_on_one_line(bench: OrderBench) -> None:
    bench.products.known["B03"] = Money(5, "EUR")
    with pytest.raises(MixedCurrencies):
        await bench.create(wishes=[Wish("B01", 1), Wish("B03", 1)])
    with pytest.raises(DuplicateSku):
        await bench.create(wishes=[Wish("B01", 1), Wish("B01", 1)])
