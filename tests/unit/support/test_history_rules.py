"""Each rule accepts a sale that went as promised, and names the case in one that broke it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from amazonlite_cli.shoppers.api import Answer, Sent
from support.history.check import RULES, Evidence, anomalies, paid_lost
from support.history.record import History, Operation, Outcome
from support.history.rows import ChargeRow, HoldRow, OrderRow, PaymentRow, Rows, SaleRow

SOLD = SaleRow(
    quantity=2,
    allocated=1,
    free=0,
    held=0,
    sold=1,
    returned=1,
    per_customer_limit=1,
    on_hand=3,
    available=3,
    reserved=0,
)
LEDGER = {"ALLOCATE": 2, "HOLD": 2, "UNHOLD": 1, "SELL": 1, "RETURN": 1}


def operation(kind: str, customer: str, order: str, **rest: object) -> Operation:
    fields = {"key": f"{customer}-1", "invoked": 1.0, "completed": 2.0, "outcome": Outcome.OK, "status": 200, **rest}
    return Operation(kind, customer, order_id=order, **fields)  # type: ignore[arg-type]


def good() -> Evidence:
    """Ann bought one of two units; Bob held the other, did not pay, and it went back to stock."""
    told = [
        operation("claim", "ann", "ord_a", hold_id="hld_a"),
        operation("pay", "ann", "ord_a", state="AUTHORIZED", payment_id="pay_a"),
        operation("order", "ann", "ord_a", state="CONFIRMED", completed=3.0),
        operation("claim", "bob", "ord_b", hold_id="hld_b"),
    ]
    rows = Rows(
        sale=SOLD,
        holds=[HoldRow("hld_a", "ord_a", "ann", "CONFIRMED", 1), HoldRow("hld_b", "ord_b", "bob", "EXPIRED", 1)],
        ledger=LEDGER,
        orders=[
            OrderRow("ord_a", "ann", "COMPLETED", "", 999, "USD", "hld_a", "pay_a", 2.5),
            OrderRow("ord_b", "bob", "TIMED_OUT", "payment_window_passed", 999, "USD", "hld_b"),
        ],
        payments=[PaymentRow("pay_a", "ord_a", "CAPTURED", ""), PaymentRow("pay_b", "ord_b", "CANCELLED", "")],
        charges=[ChargeRow("pay_a", "CAPTURED", 999, "USD"), ChargeRow("pay_b", "VOIDED", None, None)],
        unsent={"inventory.outbox_pending": 0, "orders.outbox_held": 0},
    )
    return Evidence(History({"t1": "ann", "t2": "bob"}, told), rows, {"a.dlq.v1": 4}, {"a.dlq.v1": 4})


def with_rows(**changes: object) -> Evidence:
    evidence = good()
    return replace(evidence, rows=replace(evidence.rows, **changes))  # type: ignore[arg-type]


def with_order(**changes: object) -> Evidence:
    """Ann's order is another."""
    first, *others = good().rows.orders
    return with_rows(orders=[replace(first, **changes), *others])  # type: ignore[arg-type]


def with_told(*operations: Operation) -> Evidence:
    evidence = good()
    return replace(evidence, history=History({}, [*evidence.history.operations, *operations]))


def with_first(name: str, **changes: object) -> Evidence:
    """The first row of that table, Ann's, is another."""
    first, *others = getattr(good().rows, name)
    return with_rows(**{name: [replace(first, **changes), *others]})


def with_refused(**order: object) -> Evidence:
    """Ann pays by a method whose capture is refused; her order is another."""
    rows = with_order(**order).rows
    first, *others = rows.charges
    paid, *more = rows.payments
    return with_rows(
        orders=rows.orders,
        charges=[replace(first, state="VOIDED", method="pm_capture_refused"), *others],
        payments=[replace(paid, state="VOIDED", reason="capture_refused"), *more],
        holds=[replace(rows.holds[0], state="RELEASED"), *rows.holds[1:]],
        sale=replace(SOLD, allocated=0, sold=0, returned=2),
    )


def broken_by(evidence: Evidence) -> set[str]:
    return {anomaly.rule for anomaly in anomalies(evidence)}


BAD: dict[str, list[Callable[[], Evidence]]] = {
    "paid_orders_are_kept": [
        lambda: with_order(state="TIMED_OUT", reason="payment_window_passed"),
        lambda: with_order(state="CANCELLED", reason="confirmation_rejected"),
        lambda: with_order(state="CANCELLED", reason="capture_refused"),
        lambda: with_order(state="AUTHORIZED"),
        lambda: with_rows(orders=good().rows.orders[1:]),
    ],
    "authorizations_are_kept": [
        lambda: with_first("payments", state="VOIDED", reason="order_timed_out"),
        lambda: with_first("payments", state="VOIDED", reason=""),
        lambda: with_first("payments", state="CAPTURED", reason="confirmation_rejected"),
        lambda: with_first("payments", state="VOIDED", reason="capture_refused"),
    ],
    "bought_stays_bought": [lambda: with_order(state="CANCELLED"), lambda: with_rows(orders=[])],
    "cancelled_stays_cancelled": [lambda: with_told(operation("cancel", "ann", "ord_a", state="CANCELLED"))],
    "refused_captures_buy_nothing": [
        lambda: with_refused(state="COMPLETED", reason=""),
        lambda: with_refused(state="CANCELLED", reason="confirmation_rejected"),
    ],
    "acknowledged_holds_exist_once": [
        lambda: with_rows(holds=good().rows.holds[:1]),
        lambda: with_rows(holds=[*good().rows.holds, good().rows.holds[0]]),
        lambda: with_first("holds", customer_id="bob"),
        lambda: with_first("holds", order_id="ord_c"),
    ],
    "a_key_gets_one_hold": [lambda: with_told(operation("claim", "bob", "ord_c", hold_id="hld_c"))],
    "confirmed_orders_are_charged_once": [
        lambda: with_first("charges", state="AUTHORIZED"),
        lambda: with_first("charges", amount=998),
        lambda: with_first("charges", currency="EUR"),
        lambda: with_rows(charges=[]),
        lambda: with_rows(
            payments=[*good().rows.payments, PaymentRow("pay_2", "ord_a", "CAPTURED", "")],
            charges=[*good().rows.charges, ChargeRow("pay_2", "CAPTURED", 999, "USD")],
        ),
    ],
    "ended_orders_hold_no_money": [
        lambda: with_order(state="CANCELLED"),
        lambda: with_rows(charges=[good().rows.charges[0], ChargeRow("pay_b", "AUTHORIZED", 999, "USD")]),
        lambda: with_rows(orders=[]),
    ],
    "orders_reach_an_end": [lambda: with_order(state="CONFIRMED"), lambda: with_order(state="RESERVED")],
    "every_unit_is_sold_or_returned": [
        lambda: with_rows(sale=replace(SOLD, sold=0, returned=2)),
        lambda: with_rows(sale=replace(SOLD, held=1)),
        lambda: with_rows(sale=replace(SOLD, free=1)),
        lambda: with_rows(sale=replace(SOLD, returned=0)),
    ],
    "counters_ledger_and_holds_agree": [
        lambda: with_rows(ledger={**LEDGER, "SELL": 2}),
        lambda: with_first("holds", state="HELD"),
        lambda: with_rows(sale=replace(SOLD, available=2)),
        lambda: with_rows(sale=replace(SOLD, available=2, reserved=1)),
    ],
    "every_unit_has_one_owner": [
        lambda: with_first("holds", state="EXPIRED"),
        lambda: with_order(state="CANCELLED"),
        lambda: with_order(customer_id="bob"),
        lambda: with_order(reservation_id="hld_b"),
        lambda: with_first("holds", units=2),
    ],
    "everything_was_sent": [lambda: with_rows(unsent={"orders.outbox_held": 1})],
    "nothing_went_to_dead_letters": [
        lambda: replace(good(), dead_after={"a.dlq.v1": 5}),
        lambda: replace(good(), dead_after={"b.dlq.v1": 1}),
    ],
    "no_payment_is_left_due": [
        lambda: with_first("payments", unfinished=True),
        lambda: with_first("payments", state="AUTHORIZED"),
    ],
}


def test_a_sale_that_went_as_promised_breaks_no_rule() -> None:
    assert anomalies(good()) == []
    assert paid_lost(good()) == []


def test_every_rule_has_a_case_that_it_catches() -> None:
    assert set(BAD) == set(RULES)


@pytest.mark.parametrize(("rule", "make"), [(rule, make) for rule, cases in BAD.items() for make in cases])
def test_a_rule_names_the_case_that_breaks_it(rule: str, make: Callable[[], Evidence]) -> None:
    assert list(RULES[rule](make()))


def test_a_paid_order_that_the_customer_cancelled_is_not_lost() -> None:
    evidence = with_order(state="CANCELLED", reason="customer_cancelled")
    evidence.history.operations.append(operation("cancel", "ann", "ord_a"))
    assert paid_lost(evidence) == []


def test_a_cancellation_that_was_refused_excuses_nothing() -> None:
    evidence = with_order(state="CANCELLED")
    evidence.history.operations.append(operation("cancel", "ann", "ord_a", outcome=Outcome.FAILED, status=409))
    assert paid_lost(evidence) == ["ord_a"]


def test_a_paid_order_whose_capture_was_refused_is_not_lost() -> None:
    evidence = with_refused(state="CANCELLED", reason="capture_refused")
    assert paid_lost(evidence) == []
    paid = {"paid_orders_are_kept", "authorizations_are_kept", "bought_stays_bought", "ended_orders_hold_no_money"}
    assert not broken_by(evidence) & {*paid, "refused_captures_buy_nothing"}


def test_a_payment_that_was_never_answered_authorised_loses_nothing() -> None:
    evidence = with_order(state="TIMED_OUT")
    for told in evidence.history.of("pay"):
        told.outcome = Outcome.UNKNOWN
    assert paid_lost(evidence) == []


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(201, Outcome.OK), (409, Outcome.FAILED), (429, Outcome.FAILED), (500, Outcome.UNKNOWN), (0, Outcome.UNKNOWN)],
)
def test_what_the_client_knows_of_an_attempt_follows_from_its_answer(status: int, outcome: Outcome) -> None:
    history = History({"token": "ann"})
    answered = history.observe(Sent("claim", "/api/flash-sales/fs_1/claims", "token", "ann-1"))
    assert [each.outcome for each in history.operations] == [Outcome.UNKNOWN]
    answered(Answer(status, {"orderId": "ord_a", "holdId": "hld_a"}, 0.1))
    (told,) = history.operations
    assert (told.outcome, told.customer, told.key, told.order_id, told.hold_id) == (
        outcome,
        "ann",
        "ann-1",
        "ord_a",
        "hld_a",
    )
    assert (told.completed is None) == (status == 0)


def test_a_cancellation_without_an_answer_is_known_by_its_path() -> None:
    history = History({"token": "ann"})
    history.observe(Sent("cancel", "/api/orders/ord_a/cancel", "token", ""))
    assert history.cancelled == {"ord_a"}


def test_polls_of_the_queue_are_not_kept() -> None:
    history = History({})
    history.observe(Sent("poll", "/api/flash-sales/fs_1/queue", "token", ""))(Answer(200, {}, 0.1))
    assert history.operations == []
