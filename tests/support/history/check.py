"""The rules between what shoppers were told and what the tables say once a sale is over.

Each rule yields a sentence for every case that breaks it. The rules only read: the same history and rows always give
the same anomalies.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from amazonlite.inventory.stock.domain import EntryKind, balance
from support.history.record import BOUGHT, ENDED, History
from support.history.rows import ChargeRow, OrderRow, Rows

HOLDS_MONEY = frozenset({"PENDING", "AUTHORIZED", "CAPTURED"})
BY_CUSTOMER = "customer_cancelled"
BY_PROVIDER = "capture_refused"
REFUSED_METHOD = "pm_capture_refused"


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One case of a broken rule."""

    rule: str
    what: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.what}"


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is judged. The dead letters are counts by topic, before the sale and after it."""

    history: History
    rows: Rows
    dead_before: Mapping[str, int]
    dead_after: Mapping[str, int]

    @property
    def orders(self) -> dict[str, OrderRow]:
        return {order.id: order for order in self.rows.orders}

    @property
    def refused(self) -> set[str]:
        """The orders paid by a method whose capture the provider refuses."""
        by_method = {charge.payment_id for charge in self.rows.charges if charge.method == REFUSED_METHOD}
        return {payment.order_id for payment in self.rows.payments if payment.id in by_method}


Rule = Callable[[Evidence], Iterator[str]]


def anomalies(evidence: Evidence) -> list[Anomaly]:
    """Every case of every broken rule; empty for a sale that went as promised."""
    return [Anomaly(name, what) for name, rule in RULES.items() for what in rule(evidence)]


def paid_lost(evidence: Evidence) -> list[str]:
    """The orders lost although their customer was told that the payment is authorised.

    Only the customer's own cancellation and a provider that would not capture excuse it.
    """
    orders = evidence.orders
    return [order for order in evidence.history.authorized if not _kept(evidence, orders.get(order))]


def _kept(evidence: Evidence, order: OrderRow | None) -> bool:
    if order is None:
        return False
    refused = order.id in evidence.refused and (order.state, order.reason) == ("CANCELLED", BY_PROVIDER)
    cancelled = order.id in evidence.history.cancelled and (order.state, order.reason) == ("CANCELLED", BY_CUSTOMER)
    return order.state in BOUGHT or cancelled or refused


def paid_orders_are_kept(evidence: Evidence) -> Iterator[str]:
    orders = evidence.orders
    for order in paid_lost(evidence):
        row = orders.get(order)
        yield f"{order} was paid and is {f'{row.state} ({row.reason})' if row else 'in no table'}"


def authorizations_are_kept(evidence: Evidence) -> Iterator[str]:
    """Also those whose answer was lost on its way: only an authorised payment becomes VOIDED, and one that is CAPTURED
    has a reason only when its order was closed after that."""
    refused = evidence.refused
    for payment in evidence.rows.payments:
        closed = payment.state == "VOIDED" or (payment.state == "CAPTURED" and payment.reason)
        excused = {BY_CUSTOMER} if payment.order_id in evidence.history.cancelled else set()
        excused |= {BY_PROVIDER} if payment.order_id in refused else set()
        if closed and payment.reason not in excused:
            yield f"{payment.id} of {payment.order_id} is {payment.state} and its order was closed ({payment.reason})"


def bought_stays_bought(evidence: Evidence) -> Iterator[str]:
    """Until its capture is refused, that is."""
    orders = evidence.orders
    for order in evidence.history.confirmed.keys() - evidence.refused:
        row = orders.get(order)
        if row is None or row.state not in BOUGHT:
            yield f"{order} was shown as bought and is {row.state if row else 'in no table'}"


def cancelled_stays_cancelled(evidence: Evidence) -> Iterator[str]:
    """A customer who was answered that the order is cancelled does not get it after all."""
    orders = evidence.orders
    for cancel in evidence.history.succeeded("cancel"):
        row = orders.get(cancel.order_id)
        if row is None or row.state != "CANCELLED":
            yield f"{cancel.order_id} was cancelled by its customer and is {row.state if row else 'in no table'}"


def refused_captures_buy_nothing(evidence: Evidence) -> Iterator[str]:
    """Whoever paid by such a method ends cancelled and is told why, unless the order ended before that."""
    for order in evidence.refused & evidence.history.authorized.keys() - evidence.history.cancelled:
        row = evidence.orders.get(order)
        if row is None or (row.state, row.reason) != ("CANCELLED", BY_PROVIDER):
            yield f"{order} had its capture refused and is {f'{row.state} ({row.reason})' if row else 'in no table'}"


def acknowledged_holds_exist_once(evidence: Evidence) -> Iterator[str]:
    rows = Counter((hold.id, hold.order_id, hold.customer_id) for hold in evidence.rows.holds)
    by_id = Counter(hold.id for hold in evidence.rows.holds)
    for hold, told in evidence.history.holds.items():
        if rows[hold, told.order_id, told.customer] != 1 or by_id[hold] != 1:
            yield f"{hold} of {told.order_id} was acknowledged to {told.customer} and is there {by_id[hold]} times"


def a_key_gets_one_hold(evidence: Evidence) -> Iterator[str]:
    """A claim repeated under its key is answered with the hold that it got first."""
    of_key: dict[tuple[str, str], set[str]] = defaultdict(set)
    for claim in evidence.history.succeeded("claim"):
        of_key[claim.customer, claim.key].add(claim.hold_id)
    for (customer, key), holds in of_key.items():
        if len(holds) > 1:
            yield f"{customer} got {len(holds)} holds for one claim {key}: {sorted(holds)}"


def confirmed_orders_are_charged_once(evidence: Evidence) -> Iterator[str]:
    charges = _charges_by_order(evidence.rows)
    for order in evidence.rows.orders:
        if order.state in BOUGHT:
            held = [c for c in charges[order.id] if c.state in HOLDS_MONEY]
            if [(c.state, c.amount, c.currency) for c in held] != [("CAPTURED", order.total, order.currency)]:
                yield f"{order.id} is {order.state} over {order.total} and its charges are {held}"


def ended_orders_hold_no_money(evidence: Evidence) -> Iterator[str]:
    charges = _charges_by_order(evidence.rows)
    bought = {order.id for order in evidence.rows.orders if order.state in BOUGHT}
    for order, found in charges.items():
        if order not in bought and any(charge.state in HOLDS_MONEY for charge in found):
            state = evidence.orders[order].state if order in evidence.orders else "in no table"
            yield f"{order} is {state} and its charges are {found}"


def orders_reach_an_end(evidence: Evidence) -> Iterator[str]:
    for order in evidence.rows.orders:
        if order.state not in ENDED | {"COMPLETED"}:
            yield f"{order.id} is still {order.state}"


def every_unit_is_sold_or_returned(evidence: Evidence) -> Iterator[str]:
    sale = evidence.rows.sale
    if sale.held or sale.free or sale.sold + sale.returned != sale.quantity:
        yield f"of {sale.quantity}: {sale}"
    if not sale.sold:
        yield "nothing was sold"


def counters_ledger_and_holds_agree(evidence: Evidence) -> Iterator[str]:
    rows, sale = evidence.rows, evidence.rows.sale
    told = balance({EntryKind(kind): units for kind, units in rows.ledger.items()})
    names = ("allocated", "free", "held", "sold", "returned")
    counters = {name: getattr(sale, name) for name in names}
    if (by_ledger := {name: getattr(told, name) for name in names}) != counters:
        yield f"counters {counters}, ledger {by_ledger}"
    by_holds = tuple(sum(h.units for h in rows.holds if h.state == state) for state in ("HELD", "CONFIRMED"))
    if by_holds != (sale.held, sale.sold):
        yield f"held and sold are {(sale.held, sale.sold)}, by the holds {by_holds}"
    if sale.on_hand != sale.available + sale.reserved or sale.reserved:
        yield f"{sale.on_hand} on hand, {sale.available} available, {sale.reserved} reserved after the sale"


def every_unit_has_one_owner(evidence: Evidence) -> Iterator[str]:
    """Sold holds and bought orders are pairs; nobody has more units than one customer may."""
    bought = {order.id: order for order in evidence.rows.orders if order.state in BOUGHT}
    sold = {hold.order_id: hold for hold in evidence.rows.holds if hold.state == "CONFIRMED"}
    for order in bought.keys() ^ sold.keys():
        yield f"{order} is {'bought and has no sold units' if order in bought else 'not bought and has sold units'}"
    for order in bought.keys() & sold.keys():
        if (bought[order].customer_id, bought[order].reservation_id) != (sold[order].customer_id, sold[order].id):
            yield f"{order} and its hold have two owners: {bought[order]}, {sold[order]}"
    units: Counter[str] = Counter()
    for hold in sold.values():
        units[hold.customer_id] += hold.units
    yield from (f"{who} has {n} units" for who, n in units.items() if n > evidence.rows.sale.per_customer_limit)


def everything_was_sent(evidence: Evidence) -> Iterator[str]:
    yield from (f"{table} has {count} rows" for table, count in evidence.rows.unsent.items() if count)


def nothing_went_to_dead_letters(evidence: Evidence) -> Iterator[str]:
    for topic, count in evidence.dead_after.items():
        if count > (before := evidence.dead_before.get(topic, 0)):
            yield f"{topic} grew by {count - before}"


def no_payment_is_left_due(evidence: Evidence) -> Iterator[str]:
    for payment in evidence.rows.payments:
        if payment.unfinished or payment.state in {"PROCESSING", "AUTHORIZED"}:
            yield f"{payment.id} is {payment.state} and left to do"


def _charges_by_order(rows: Rows) -> dict[str, list[ChargeRow]]:
    order_of = {payment.id: payment.order_id for payment in rows.payments}
    found: dict[str, list[ChargeRow]] = defaultdict(list)
    for charge in rows.charges:
        found[order_of[charge.payment_id]].append(charge)
    return found


RULES: Mapping[str, Rule] = {
    rule.__name__: rule
    for rule in (
        paid_orders_are_kept,
        authorizations_are_kept,
        bought_stays_bought,
        cancelled_stays_cancelled,
        refused_captures_buy_nothing,
        acknowledged_holds_exist_once,
        a_key_gets_one_hold,
        confirmed_orders_are_charged_once,
        ended_orders_hold_no_money,
        orders_reach_an_end,
        every_unit_is_sold_or_returned,
        counters_ledger_and_holds_agree,
        every_unit_has_one_owner,
        everything_was_sent,
        nothing_went_to_dead_letters,
        no_payment_is_left_due,
    )
}
