"""The order service's part without its database: orders move by its own table, and announce what it announces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast

from amazonlite.common.core.event import Event
from amazonlite.order import announce
from amazonlite.order.consumers import REACTIONS
from amazonlite.order.dependencies import OrderDependencies
from amazonlite.order.domain import Changes, Order, Trigger
from amazonlite.order.ports import ClaimFact
from amazonlite.payment.ports import OrderFact, Outcome

NO_STORE = cast(Any, None)


@dataclass
class MemoryOrders:
    """Opens an order at once when it is claimed; everything else it hears of by mail."""

    name: str = "order"
    known: dict[str, Order] = field(default_factory=dict)
    announced: list[Event] = field(default_factory=list)
    _deps: OrderDependencies = field(default_factory=lambda: OrderDependencies(NO_STORE, NO_STORE, NO_STORE, NO_STORE))

    def open(self, claimed: Event) -> None:
        self.known[claimed.subject] = ClaimFact.of(claimed.data).order(self._deps.clock.now())

    def state(self, order_id: str) -> str:
        return self.known[order_id].state

    def wants(self, event: Event) -> bool:
        return event.type in REACTIONS

    async def take(self, events: Sequence[Event]) -> None:
        for event in events:
            trigger, changes_of = REACTIONS[event.type]
            self._move(event.data["orderId"], trigger, changes_of(event))

    async def find(self, order_id: str) -> OrderFact | None:
        order = self.known[order_id]
        return OrderFact(order_id, order.customer_id, order.state, order.total, order.pay_before, order.sale_id)

    async def outcomes(self, order_ids: Sequence[str]) -> Mapping[str, Outcome]:
        # those of a sequence that ended in a broken rule are known no more
        found = (self.known[order_id] for order_id in order_ids if order_id in self.known)
        return {order.order_id: Outcome(order.state, order.reason) for order in found}

    def cancel(self, order_id: str) -> None:
        self._move(order_id, Trigger.CANCEL, Changes(reason="customer_cancelled"))

    def time_is_up(self, order_id: str) -> None:
        over = self._deps.clock.now() - timedelta(seconds=1)
        self.known[order_id] = replace(self.known[order_id], pay_before=over)

    def _move(self, order_id: str, trigger: Trigger, changes: Changes) -> None:
        order = self.known[order_id]
        if not order.allows(trigger, changes):
            return
        self.known[order_id] = order.after(trigger, changes)
        event = announce.entered(self._deps, self.known[order_id])
        self.announced += [event] if event else []
