"""Events that are handled in one transaction: the goods of each order go their own way, and none is forgotten."""

from __future__ import annotations

from amazonlite.common.core.ids import new_id
from amazonlite.inventory.flash_sale.domain import Counters
from amazonlite.inventory.stock.domain import Stock
from support.inventory import Pod, terms, together

PAID, CANCELLED = "payment.authorized.v1", "order.cancelled.v1"


async def test_payments_of_holds_in_every_state(pod: Pod) -> None:
    sale = await pod.on_sale(terms("B01", 10))
    held = [one.hold.order_id for one in await together(pod.held(sale, f"usr_{number}") for number in range(6))]
    await pod.happens(PAID, held[4])
    await pod.happens(CANCELLED, held[5])
    unknown = new_id("ord")
    await pod.happen_together(PAID, [held[2], unknown, held[0], held[5], held[3], held[4], held[1]])

    books = await pod.books(sale)
    assert books.sale.counters == Counters(allocated=10, free=5, sold=5)
    assert books.conserved
    for order in held[:5]:
        assert (await pod.kinds(order)).count("inventory.confirmed.v1") == 1
    for order in (held[5], unknown):
        assert (await pod.kinds(order))[-1] == "inventory.confirmation-rejected.v1"


async def test_ends_of_orders_whose_goods_are_held_sold_or_unknown(pod: Pod) -> None:
    sale = await pod.on_sale(terms("B01", 10))
    held = [one.hold.order_id for one in await together(pod.held(sale, f"usr_{number}") for number in range(5))]
    for order in held[:2]:
        await pod.happens(PAID, order)
    unknown = [new_id("ord"), new_id("ord")]
    await pod.happen_together(CANCELLED, [held[3], unknown[1], held[0], held[1], unknown[0], held[2]])

    books = await pod.books(sale)
    assert books.sale.counters == Counters(allocated=10, free=9, held=1)
    assert books.conserved
    assert await pod.stock("B01") == Stock("B01", on_hand=10, available=0, reserved=10)
    for order in unknown:
        await pod.happens("order.created.v1", order)
        assert await pod.kinds(order) == [], "it ended before it came"
