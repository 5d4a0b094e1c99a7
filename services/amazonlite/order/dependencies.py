"""What every use case of the order service works with."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from amazonlite.common.core.clock import Clock, SystemClock
from amazonlite.common.core.ids import IdSource, new_id
from amazonlite.common.data.unit_of_work import UnitOfWorkFactory
from amazonlite.order.ports import Goods, Payments, Products

PAY_WITHIN = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class OrderDependencies:
    """``pay_within`` is the time a regular order may stay unpaid; a flash-sale claim brings its own."""

    transactions: UnitOfWorkFactory
    products: Products
    payments: Payments
    goods: Goods
    pay_within: timedelta = PAY_WITHIN
    clock: Clock = field(default_factory=SystemClock)
    ids: IdSource = new_id
