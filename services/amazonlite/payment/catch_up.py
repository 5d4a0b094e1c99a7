"""Money that is held while its order is not heard of is taken, or given back, by asking the order service.

An order's decision comes by event. One that was put aside as a dead letter, or was lost with its topic, would leave the
money held until the provider lets it go, of a customer whose goods are sold.

Guarantees: a state of an order that decides about its money is final, so that it may be heard late, twice, and beside
the event; the payment's row lock decides. Time only says when to ask. While order is away, nothing is decided.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from prometheus_client import Counter

from amazonlite.common.background.every import every
from amazonlite.common.data.unit_of_work import UnitOfWork, in_transaction
from amazonlite.common.observe.logs import get_logger
from amazonlite.payment import store
from amazonlite.payment.consumers import decide_all
from amazonlite.payment.dependencies import PaymentDependencies
from amazonlite.payment.domain import Payment
from amazonlite.payment.ports import Outcome
from amazonlite.payment.store import PageKey

EVERY_SECONDS = 5.0
BATCH = 100
UNHEARD = timedelta(minutes=1)
BEGINNING = PageKey(datetime.fromtimestamp(0, UTC), "")
CONFIRMED, CLOSED = frozenset({"CONFIRMED", "COMPLETED"}), frozenset({"REJECTED", "CANCELLED", "TIMED_OUT"})

CAUGHT_UP = Counter("payments_caught_up_total", "Decisions about held money that were asked for, not heard", ["wanted"])

log = get_logger(__name__)


async def keep_catching_up(deps: PaymentDependencies) -> None:
    """For ever; while the database or order is away it tries again."""
    place = BEGINNING

    async def next_batch() -> None:
        nonlocal place
        place = await catch_up(deps, place)

    await every(EVERY_SECONDS, next_batch, waits="catch_up_waits")


async def catch_up(deps: PaymentDependencies, after: PageKey, *, batch: int = BATCH) -> PageKey:
    """Asks about one batch, and tells where the next one begins, so that orders without an answer hide no others."""
    async with deps.transactions() as uow:
        waiting = await store.find_undecided(uow, UNHEARD, after, batch)
    if waiting:
        outcomes = await deps.orders.outcomes([place.order_id for place in waiting])
        await in_transaction(deps.transactions, lambda uow: _decide(uow, outcomes))
    return waiting[-1] if len(waiting) == batch else BEGINNING


async def _decide(uow: UnitOfWork, outcomes: Mapping[str, Outcome]) -> None:
    decisive = [order_id for order_id, outcome in outcomes.items() if outcome.state in CONFIRMED | CLOSED]
    if not decisive:
        return
    payments = await store.lock_by_orders(uow, decisive)
    decided = {payment.order_id: _decided(payment, outcomes[payment.order_id]) for payment in payments}
    await decide_all(uow, payments, lambda payment: decided[payment.order_id])
    changed = [after for before in payments if (after := decided[before.order_id]) != before]
    uow.after_commit(lambda: _report(changed))


def _decided(payment: Payment, outcome: Outcome) -> Payment:
    if outcome.state in CONFIRMED:
        return payment.order_confirmed()
    return payment.order_closed(outcome.reason or outcome.state.lower())


def _report(changed: list[Payment]) -> None:
    for payment in changed:
        CAUGHT_UP.labels(payment.wanted or "").inc()
        log.warning(
            "payment_caught_up", order=payment.order_id, payment=payment.payment_id, wanted=payment.wanted or ""
        )
