"""A customer's order is made at the prices of the moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from amazonlite.common.core.money import Money
from amazonlite.common.core.viewer import Viewer
from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.order import announce, store
from amazonlite.order.advance import entry_of
from amazonlite.order.dependencies import OrderDependencies
from amazonlite.order.domain import Cause, Line, Order, OrderState, total_of
from amazonlite.order.errors import MixedCurrencies, UnknownSku


@dataclass(frozen=True, slots=True)
class Wish:
    """So many of one product."""

    sku: str
    quantity: int


async def price_order(deps: OrderDependencies, viewer: Viewer, wishes: Sequence[Wish]) -> Order:
    """The order as it would be, at the catalogue's prices of the moment; nothing is written."""
    return _order(deps, viewer, await _priced(deps, wishes))


async def place_order(deps: OrderDependencies, uow: UnitOfWork, order: Order) -> Order:
    await store.add_all(uow, [order])
    await store.record_all(uow, [(order.order_id, entry_of(deps, order, Cause("create")))])
    await uow.add_event(announce.created(deps, order))
    return order


async def _priced(deps: OrderDependencies, wishes: Sequence[Wish]) -> tuple[Line, ...]:
    prices = await deps.products.prices([wish.sku for wish in wishes])
    unknown = [wish.sku for wish in wishes if wish.sku not in prices]
    if unknown:
        raise UnknownSku(f"The catalogue has no {', '.join(unknown)}.", skus=unknown)
    _refuse_mixed(list(prices.values()))
    return tuple(Line(wish.sku, wish.quantity, prices[wish.sku]) for wish in wishes)


def _refuse_mixed(prices: Sequence[Money]) -> None:
    currencies = sorted({price.currency for price in prices})
    if len(currencies) > 1:
        raise MixedCurrencies(
            f"The products cost {' and '.join(currencies)}.", next_step="Make one order for each currency."
        )


def _order(deps: OrderDependencies, viewer: Viewer, lines: tuple[Line, ...]) -> Order:
    now = deps.clock.now()
    return Order(
        order_id=deps.ids("ord"),
        customer_id=viewer.subject,
        state=OrderState.PENDING,
        lines=lines,
        total=total_of(lines),
        pay_before=now + deps.pay_within,
        created_at=now,
    )
