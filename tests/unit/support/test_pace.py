"""How soon a sale sells again is the longest wait after a fault: of claims while units are free, or of a paid order."""

from __future__ import annotations

import pytest

from amazonlite.inventory.stock.domain import EntryKind
from support.history.pace import longest_not_ready, longest_pause, pace_after
from support.history.record import History, Operation, Outcome
from support.history.rows import OrderRow, Rows, SaleRow, spans_of

SALE = SaleRow(9, 9, 0, 0, 9, 0, 1, 0, 0, 0)


def claimed(at: float, number: int = 0) -> Operation:
    return Operation("claim", "ann", str(number), at - 0.1, at, Outcome.OK, hold_id=f"hld_{at}")


def paid(order: str, at: float) -> Operation:
    return Operation("pay", "ann", "k", at - 0.1, at, Outcome.OK, order_id=order, state="AUTHORIZED")


def confirmed(order: str, at: float | None) -> OrderRow:
    return OrderRow(order, "ann", "COMPLETED", "", 1, "USD", confirmed_at=at)


@pytest.mark.parametrize(
    ("moments", "longest"),
    [([], 10.0), ([12.0], 8.0), ([11.0, 12.0, 19.0], 7.0), ([5.0, 25.0], 10.0), ([float(n) for n in range(30)], 1.0)],
)
def test_the_longest_pause_lies_between_moments_and_the_edges(moments: list[float], longest: float) -> None:
    assert longest_pause(moments, 10.0, 20.0) == longest


def test_claims_are_missed_only_while_units_are_free() -> None:
    history = History({}, [claimed(101.0), claimed(102.0), claimed(113.0)])

    def pause(*free: tuple[float, float], until: float = 200.0) -> float:
        return pace_after(history, Rows(SALE, free_spans=free), since=100.0, until=until).claims

    assert pause((90.0, 102.5)) == 1.0
    assert pause((90.0, 99.0)) == pause() == 0.0
    assert pause((90.0, 102.5), (112.5, 113.0)) == 1.0  # a unit given back is not one that nobody claimed meanwhile
    assert pause((90.0, float("inf"))) == 87.0
    assert pause((90.0, float("inf")), until=114.0) == 11.0


def test_units_are_free_from_their_allocation_or_return_until_the_last_is_held() -> None:
    booked = [
        (1.0, EntryKind.ALLOCATE, 2),
        (2.0, EntryKind.HOLD, 1),
        (3.0, EntryKind.HOLD, 1),
        (5.0, EntryKind.SELL, 1),
    ]
    assert spans_of(booked) == [(1.0, 3.0)]
    assert spans_of([*booked, (13.0, EntryKind.UNHOLD, 1)]) == [(1.0, 3.0), (13.0, float("inf"))]
    assert spans_of([*booked, (13.0, EntryKind.UNHOLD, 1), (14.0, EntryKind.HOLD, 1)]) == [(1.0, 3.0), (13.0, 14.0)]


def test_an_order_paid_before_the_fault_is_late_from_its_end_on() -> None:
    history = History({}, [paid("ord_1", 90.0), paid("ord_2", 103.0)])
    rows = Rows(SALE, orders=[confirmed("ord_1", 104.0), confirmed("ord_2", 105.0)])
    assert pace_after(history, rows, since=100.0, until=0.0).confirmations == 4.0


def test_an_order_confirmed_before_the_fault_was_over_was_not_late() -> None:
    history = History({}, [paid("ord_1", 80.0)])
    assert (
        pace_after(history, Rows(SALE, orders=[confirmed("ord_1", 99.0)]), since=100.0, until=0.0).confirmations == 0.0
    )


def test_each_fault_is_judged_until_the_next_one_strikes() -> None:
    history = History({}, [paid("before", 99.0), paid("after", 103.0), paid("overtaken", 109.0), claimed(101.0)])
    times = {"before": 104.0, "after": 104.5, "overtaken": 125.0}
    orders = [confirmed(order, at) for order, at in times.items()]
    rows = Rows(SALE, orders=orders, free_spans=[(90.0, 200.0)])
    first = pace_after(history, rows, since=100.0, until=200.0, next_fault=110.0)
    assert (first.claims, first.confirmations) == (9.0, 4.0)
    late = {**times, "after": 125.0}
    rows = Rows(SALE, orders=[confirmed(order, at) for order, at in late.items()])
    assert pace_after(history, rows, since=100.0, until=200.0, next_fault=110.0).confirmations == 7.0
    assert pace_after(history, rows, since=112.0, until=112.0).confirmations == 13.0


def test_who_paid_before_a_fault_waits_through_the_next_one() -> None:
    rows = Rows(SALE, orders=[confirmed("ord_1", 120.0)])
    pace = pace_after(History({}, [paid("ord_1", 99.0)]), rows, since=100.0, until=100.0, next_fault=110.0)
    assert pace.confirmations == 20.0


def test_a_lost_order_says_nothing_about_the_pace() -> None:
    history = History({}, [paid("ord_1", 80.0)])
    assert (
        pace_after(history, Rows(SALE, orders=[confirmed("ord_1", None)]), since=100.0, until=0.0).confirmations == 0.0
    )


def test_the_wait_for_a_ready_order_goes_from_the_first_refusal_to_the_last_of_a_row() -> None:
    def intent(key: str, at: float, code: str) -> Operation:
        return Operation("intent", "ann", key, at, at + 0.5, Outcome.FAILED if code else Outcome.OK, code=code)

    told = [intent("a", at, "order_not_ready") for at in (1.0, 2.0, 4.0)]
    assert longest_not_ready(History({}, [*told, intent("b", 3.0, ""), intent("a", 9.0, "")])) == 3.0
    away = intent("a", 3.0, "upstream_unavailable")
    assert longest_not_ready(History({}, [*told[:2], away, told[2]])) == 1.0
    assert longest_not_ready(History({}, [intent("b", 2.0, "")])) == 0.0
