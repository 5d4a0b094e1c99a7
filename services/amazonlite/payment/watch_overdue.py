"""Tells of payments that stay as they are for longer than they may: the provider or an event does not come."""

from __future__ import annotations

from datetime import timedelta

from amazonlite.common.background.every import every
from amazonlite.common.observe.overdue import report_overdue
from amazonlite.payment import store
from amazonlite.payment.dependencies import PaymentDependencies
from amazonlite.payment.domain import PaymentState

EVERY_SECONDS = 60.0
LONGEST = timedelta(minutes=5)
"""For the provider's word, for the order's word about money that is held, and for money to be taken or given back."""
AFTER_PAY_BEFORE = timedelta(minutes=2)
"""An unpaid payment is sealed within seconds of its time to pay."""


async def keep_watching_overdue(deps: PaymentDependencies) -> None:
    """For ever; while the database is away the last numbers stay."""
    await every(EVERY_SECONDS, lambda: watch_overdue(deps), waits="saga_overdue_not_read")


async def watch_overdue(deps: PaymentDependencies) -> None:
    async with deps.transactions() as uow:
        found = await store.find_stuck(uow, LONGEST, AFTER_PAY_BEFORE)
    report_overdue("payment", list(PaymentState), found)
