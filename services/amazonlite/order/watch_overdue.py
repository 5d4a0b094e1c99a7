"""Tells of orders that stay in a state for longer than it may last: something that should move them does not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

from amazonlite.common.background.every import every
from amazonlite.common.observe.overdue import report_overdue
from amazonlite.order import store
from amazonlite.order.dependencies import OrderDependencies
from amazonlite.order.domain import OrderState

EVERY_SECONDS = 60.0
AFTER_PAY_BEFORE = timedelta(minutes=1)
"""A RESERVED order is sealed and decided within seconds of its time to pay."""
LONGEST: Mapping[OrderState, timedelta] = MappingProxyType(
    {
        OrderState.PENDING: timedelta(minutes=2),
        OrderState.AUTHORIZED: timedelta(minutes=5),
        OrderState.CONFIRMED: timedelta(minutes=10),
    }
)
"""How long an order may wait for inventory's word, for its goods to be sold, and for its money to be taken."""
STATES = (*LONGEST, OrderState.RESERVED)


async def keep_watching_overdue(deps: OrderDependencies) -> None:
    """For ever; while the database is away the last numbers stay."""
    await every(EVERY_SECONDS, lambda: watch_overdue(deps), waits="saga_overdue_not_read")


async def watch_overdue(deps: OrderDependencies) -> None:
    async with deps.transactions() as uow:
        found = await store.find_stuck(uow, LONGEST, AFTER_PAY_BEFORE)
    report_overdue("order", STATES, found)
