"""The same rules with the real order service: its claims, its sweep, its late reading of holds, cancel and confirm."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from hypothesis.stateful import precondition, rule

from amazonlite.common.core.errors import DomainError, Unavailable
from amazonlite.common.core.event import Event
from amazonlite.common.core.viewer import Viewer
from amazonlite.order import consumers, time_out
from amazonlite.order.cancel import cancel_order
from amazonlite.order.confirm import confirm_order
from amazonlite.order.domain import TRANSITIONS
from amazonlite.order.read import get_order
from protocol.facts import Fact, never
from protocol.machine import ANY, DEATHS, FATES, PaymentAndInventory, has_orders
from protocol.mail import Consumer, StoredConsumer
from protocol.network import Fate, Plan

MOVES = frozenset((source, target) for (source, _), target in TRANSITIONS.items())


class WholeShop(PaymentAndInventory):
    """An order is opened by its claim's event, or from the hold by whoever asks for it first."""

    @precondition(has_orders)
    @rule(order=ANY, fate=FATES, dies_after=DEATHS)
    def look_at_order(self, order: int, fate: Fate, dies_after: int | None) -> None:
        fact = self._order(order)
        work = get_order(self.shop.order_deps, Viewer(fact.customer_id), fact.order_id)
        self._run("look at an order", work, Plan(fate, dies_after), DomainError)

    @precondition(lambda self: any(fact.payment_id for fact in self.facts.values()))
    @rule(order=ANY, fate=FATES, dies_after=DEATHS)
    def confirm_order(self, order: int, fate: Fate, dies_after: int | None) -> None:
        fact = self._paying(order)
        work = confirm_order(self.shop.order_deps, Viewer(fact.customer_id), fact.order_id, fact.payment_id)
        self._run("confirm an order", work, Plan(fate, dies_after), DomainError)

    @precondition(has_orders)
    @rule(fate=FATES, dies_after=DEATHS)
    def order_sweep(self, fate: Fate, dies_after: int | None) -> None:
        self._run("order sweep", time_out.time_out_overdue(self.shop.order_deps), Plan(fate, dies_after), Unavailable)

    def _check_end(self) -> None:
        super()._check_end()
        self.shop.wait(self._check_timelines())

    async def _check_timelines(self) -> None:
        ids = ", ".join(f"'{order_id}'" for order_id in self.facts)
        query = f"SELECT order_id, state FROM order_event WHERE applied AND order_id IN ({ids}) ORDER BY order_id, seq"  # noqa: S608
        before: dict[str, str] = {}
        for row in await self.shop.order.rows(query) if ids else ():
            moved = row.order_id not in before or (before[row.order_id], row.state) in MOVES
            never(not moved, "an order moved against its table", row.order_id, before.get(row.order_id), row.state)
            before[row.order_id] = row.state

    def _background(self) -> list[tuple[str, Coroutine[Any, Any, Any]]]:
        return [*super()._background(), ("order sweep", time_out.time_out_overdue(self.shop.order_deps))]

    # Orders, on their database

    def _orders(self) -> Consumer:
        self.shop.on_database()
        return StoredConsumer("order", self.shop.order.transactions, consumers.handlers(self.shop.order_deps))

    def _opened(self, claimed: Event) -> None:
        """By mail, like everything else."""

    def _announced(self) -> list[Event]:
        return []

    def _with_order(self, fact: Fact) -> Fact:
        return fact

    def _cancel(self, fact: Fact, plan: Plan) -> None:
        work = cancel_order(self.shop.order_deps, Viewer(fact.customer_id), fact.order_id)
        self._run("cancel", work, plan, DomainError)

    def _order_time_is_up(self, order_ids: list[str]) -> None:
        self.shop.wait(self.shop.order.end_time("orders", "pay_before", order_ids))
