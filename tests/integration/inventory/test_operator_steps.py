"""The operator's steps: each done once however often it is sent, none by an operator that was replaced."""

from __future__ import annotations

from datetime import timedelta

import pytest

from amazonlite.common.core.errors import Unavailable
from amazonlite.common.core.ids import new_id
from amazonlite.common.core.operator_step import StaleFence
from amazonlite.inventory.flash_sale.allocate import allocate
from amazonlite.inventory.flash_sale.change_admission import change_admission
from amazonlite.inventory.flash_sale.change_state import change_state
from amazonlite.inventory.flash_sale.domain import Admission, Counters, SaleState
from amazonlite.inventory.flash_sale.errors import (
    HoldsOutstanding,
    IllegalSaleTransition,
    SaleDiffers,
    SaleNotFound,
    SkuOnSale,
)
from amazonlite.inventory.flash_sale.remove import remove
from amazonlite.inventory.flash_sale.settle import settle
from amazonlite.inventory.stock.domain import InsufficientStock, Stock, UnknownSku
from support.inventory import WIDE, Pod, terms

AUTHORIZED = "payment.authorized.v1"


async def test_units_are_allocated_once(pod: Pod) -> None:
    await pod.stocked("B01", 10)
    sale, what = new_id("fs"), terms("B01", 4)
    first, _ = await allocate(pod.sale_deps, sale, what, WIDE, pod.step())
    again, _ = await allocate(pod.sale_deps, sale, what, WIDE, pod.step())
    assert first.counters == again.counters == Counters(allocated=4, free=4)
    assert first.state is SaleState.SCHEDULED
    assert await pod.stock("B01") == Stock("B01", on_hand=10, available=6, reserved=4)


async def test_allocating_again_does_not_undo_what_happened_since(pod: Pod) -> None:
    what = terms("B01", 4)
    sale = await pod.on_sale(what)
    await change_admission(pod.sale_deps, sale, max_active=7, rate_per_second=None, step=pod.step())
    again, _ = await allocate(pod.sale_deps, sale, what, WIDE, pod.step())
    assert again.state is SaleState.LIVE
    assert again.admission == Admission(7, WIDE.rate_per_second)


async def test_a_sale_s_terms_are_fixed(pod: Pod) -> None:
    what = terms("B01", 4)
    sale = await pod.on_sale(what)
    with pytest.raises(SaleDiffers):
        await allocate(pod.sale_deps, sale, terms("B01", 4, per_customer_limit=9), WIDE, pod.step())


async def test_more_than_is_available_is_not_allocated(pod: Pod) -> None:
    await pod.stocked("B01", 3)
    sale = new_id("fs")
    with pytest.raises(InsufficientStock) as refusal:
        await allocate(pod.sale_deps, sale, terms("B01", 4), WIDE, pod.step())
    assert refusal.value.extra["available"] == 3
    await pod.stocked("B01", 4)  # nothing of the first try is left in the way of the next
    made, _ = await allocate(pod.sale_deps, sale, terms("B01", 4), WIDE, pod.step())
    assert made.counters.free == 4


@pytest.mark.parametrize("rehearsal", [False, True])
async def test_an_unknown_sku_cannot_be_sold(pod: Pod, rehearsal: bool) -> None:
    with pytest.raises(UnknownSku):
        await allocate(pod.sale_deps, new_id("fs"), terms("NONE", 4, rehearsal=rehearsal), WIDE, pod.step())


async def test_a_sku_is_in_one_sale_at_a_time(pod: Pod) -> None:
    sale = await pod.on_sale(terms("B01", 4))
    await pod.stocked("B01", 50)
    with pytest.raises(SkuOnSale) as refusal:
        await allocate(pod.sale_deps, new_id("fs"), terms("B01", 4), WIDE, pod.step())
    assert refusal.value.extra["saleId"] == sale
    await pod.moved(sale, SaleState.ABORTED)
    assert await allocate(pod.sale_deps, new_id("fs"), terms("B01", 4), WIDE, pod.step())


async def test_a_replaced_operator_changes_nothing(pod: Pod) -> None:
    sale = await pod.on_sale(terms("B01", 4))
    await change_state(pod.sale_deps, sale, SaleState.PAUSED, pod.step(fence=7))
    for late in (
        change_state(pod.sale_deps, sale, SaleState.LIVE, pod.step(fence=6)),
        change_admission(pod.sale_deps, sale, max_active=1, rate_per_second=1, step=pod.step(fence=6)),
        allocate(pod.sale_deps, sale, terms("B01", 4), WIDE, pod.step(fence=6)),
        settle(pod.sale_deps, sale, pod.step(fence=6)),
        remove(pod.sale_deps, sale, pod.step(fence=6)),
    ):
        with pytest.raises(StaleFence):
            await late
    books = await pod.books(sale)
    assert (books.sale.state, books.sale.admission, books.sale.fence) == (SaleState.PAUSED, WIDE, 7)


async def test_a_state_the_table_does_not_have_is_refused(pod: Pod) -> None:
    sale = await pod.on_sale(terms("B01", 4))
    await pod.moved(sale, SaleState.DRAINING)
    with pytest.raises(IllegalSaleTransition):
        await pod.moved(sale, SaleState.LIVE)
    await pod.moved(sale, SaleState.DRAINING)  # where it is already


async def test_a_step_on_a_sale_that_is_not_there(pod: Pod) -> None:
    with pytest.raises(SaleNotFound):
        await pod.moved("fs_none", SaleState.LIVE)


async def test_settling_returns_what_was_not_sold_and_reports_the_same_again(pod: Pod) -> None:
    sale = await pod.on_sale(terms("B01", 4))
    held = await pod.held(sale, "usr_a")
    await pod.moved(sale, SaleState.DRAINING)
    with pytest.raises(HoldsOutstanding):
        await settle(pod.sale_deps, sale, pod.step())
    await pod.happens(AUTHORIZED, held.hold.order_id)
    first = await settle(pod.sale_deps, sale, pod.step())
    again = await settle(pod.sale_deps, sale, pod.step())
    assert first.sale.counters == again.sale.counters == Counters(allocated=1, sold=1, returned=3)
    assert first.sale.state is SaleState.SETTLED
    assert first.conserved
    assert again.ledger == first.ledger
    assert await pod.stock("B01") == Stock("B01", on_hand=3, available=3, reserved=0)


async def test_a_live_sale_cannot_be_settled(pod: Pod) -> None:
    sale = await pod.on_sale(terms("B01", 4))
    with pytest.raises(IllegalSaleTransition):
        await settle(pod.sale_deps, sale, pod.step())


async def test_an_aborted_sale_settles_as_aborted(pod: Pod) -> None:
    sale = await pod.on_sale(terms("B01", 4))
    await pod.moved(sale, SaleState.ABORTED)
    books = await settle(pod.sale_deps, sale, pod.step())
    assert books.sale.state is SaleState.ABORTED
    assert books.sale.counters == Counters(returned=4)
    assert books.conserved


async def test_removing_a_sale_ends_unpaid_holds_and_keeps_paid_ones(pod: Pod) -> None:
    sale = await pod.on_sale(terms("B01", 4))
    paid, unpaid = await pod.held(sale, "usr_a"), await pod.held(sale, "usr_b")
    await pod.happens(AUTHORIZED, paid.hold.order_id)
    for _ in range(2):
        books = await remove(pod.sale_deps, sale, pod.step())
        assert books.sale.counters == Counters(allocated=1, sold=1, returned=3)
        assert books.conserved
    assert (await pod.kinds(unpaid.hold.order_id))[-1] == "inventory.expired.v1"
    assert (await pod.kinds(paid.hold.order_id))[-1] == "inventory.confirmed.v1"
    assert await pod.stock("B01") == Stock("B01", on_hand=3, available=3, reserved=0)


async def test_removing_a_sale_keeps_what_is_paid_however_late_the_news_is(pod: Pod) -> None:
    sale = await pod.on_sale(terms("B01", 4))
    paid, unpaid = await pod.held(sale, "usr_a"), await pod.held(sale, "usr_b")
    pod.payments.paid[paid.hold.order_id] = "pay_1"
    pod.payments.away = True
    with pytest.raises(Unavailable):
        await remove(pod.sale_deps, sale, pod.step())
    assert (await pod.books(sale)).sale.counters == Counters(allocated=2, held=2, returned=2)
    pod.payments.away = False
    for _ in range(2):
        books = await remove(pod.sale_deps, sale, pod.step())
        assert books.sale.counters == Counters(allocated=1, sold=1, returned=3)
        assert books.conserved
    assert pod.payments.closed == {unpaid.hold.order_id}
    sold = (await pod.events(paid.hold.order_id))[-1]
    assert (sold.type, sold.data["paymentId"]) == ("inventory.confirmed.v1", "pay_1")


@pytest.mark.parametrize(
    ("ended", "left"),
    [(None, Counters(allocated=4, free=4)), (SaleState.ABORTED, Counters(allocated=0, returned=4))],
)
async def test_units_sold_to_an_order_that_is_cancelled_after_all_are_sold_again_or_go_back(
    pod: Pod, ended: SaleState | None, left: Counters
) -> None:
    sale = await pod.on_sale(terms("B01", 4))
    held = await pod.held(sale, "usr_a")
    await pod.happens(AUTHORIZED, held.hold.order_id)
    if ended:
        await pod.moved(sale, ended)
    await pod.happens("order.cancelled.v1", held.hold.order_id)
    books = await pod.books(sale)
    assert books.sale.counters == left
    assert books.conserved
    assert (await pod.stock("B01")).on_hand == 4
    if not ended:
        assert (await pod.held(sale, "usr_a")).new, "the customer may buy again"


async def test_a_settled_sale_stays_settled_when_it_is_removed(pod: Pod) -> None:
    sale = await pod.on_sale(terms("B01", 4))
    await pod.moved(sale, SaleState.DRAINING)
    await settle(pod.sale_deps, sale, pod.step())
    assert (await remove(pod.sale_deps, sale, pod.step())).sale.state is SaleState.SETTLED


async def test_a_sale_removed_before_it_was_allocated_never_is(pod: Pod) -> None:
    await pod.stocked("B01", 4)
    sale = new_id("fs")
    await remove(pod.sale_deps, sale, pod.step())
    await remove(pod.sale_deps, sale, pod.step())
    with pytest.raises(IllegalSaleTransition):
        await allocate(pod.sale_deps, sale, terms("B01", 4), WIDE, pod.step())
    assert (await pod.stock("B01")).available == 4


async def test_a_removed_rehearsal_leaves_no_shadow_behind(pod: Pod) -> None:
    await pod.stocked("B01", 4)
    sale = await pod.on_sale(terms("B01", 4, rehearsal=True, hold_ttl=timedelta(seconds=30)))
    await pod.held(sale, "usr_a")
    books = await remove(pod.sale_deps, sale, pod.step())
    assert books.conserved
    assert await pod.stock(f"REHEARSAL-{sale}") == Stock(f"REHEARSAL-{sale}", 0, 0, 0)
