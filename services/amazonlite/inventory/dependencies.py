"""What every use case of the inventory works with."""

from __future__ import annotations

from dataclasses import dataclass, field

from amazonlite.common.core.clock import Clock, SystemClock
from amazonlite.common.core.event import Event, new_event
from amazonlite.common.core.ids import IdSource, new_id
from amazonlite.common.data.unit_of_work import UnitOfWorkFactory
from amazonlite.inventory.ports import Payments

SOURCE = "/inventory"


@dataclass(frozen=True, slots=True)
class Dependencies:
    transactions: UnitOfWorkFactory
    payments: Payments
    clock: Clock = field(default_factory=SystemClock)
    ids: IdSource = new_id

    def event(self, type: str, order_id: str, **data: object) -> Event:
        """An event about an order; members that are None are left out."""
        known = {name: value for name, value in {"orderId": order_id, **data}.items() if value is not None}
        return new_event(type, order_id, known, source=SOURCE, clock=self.clock, ids=self.ids)
