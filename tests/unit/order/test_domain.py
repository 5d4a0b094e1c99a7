"""The transition table is the whole truth about an order's life."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest

from amazonlite.common.core.money import Money
from amazonlite.common.core.viewer import Viewer
from amazonlite.common.testing.fakes import NEW_YEAR
from amazonlite.order.diagram import final_states
from amazonlite.order.domain import (
    TRANSITIONS,
    Changes,
    DuplicateSku,
    IllegalTransition,
    Line,
    Order,
    OrderState,
    Trigger,
    refuse_duplicates,
    total_of,
)

LINES = (Line("B01", 2, Money(1999, "USD")), Line("B02", 3, Money(1, "USD")))


def order(state: OrderState = OrderState.PENDING) -> Order:
    return Order("ord_1", "usr_1", state, LINES, total_of(LINES), NEW_YEAR + timedelta(minutes=15), NEW_YEAR)


@pytest.mark.parametrize(("state", "trigger"), list(product(OrderState, Trigger)))
def test_a_transition_is_in_the_table_or_raises(state: OrderState, trigger: Trigger) -> None:
    if (state, trigger) in TRANSITIONS:
        assert order(state).after(trigger, Changes()).state is TRANSITIONS[state, trigger]
    else:
        with pytest.raises(IllegalTransition):
            order(state).after(trigger, Changes())


def test_the_promised_states_are_final() -> None:
    assert set(final_states()) == {S.COMPLETED, S.REJECTED, S.CANCELLED, S.TIMED_OUT}


def test_every_state_is_reached_from_a_new_order() -> None:
    reached = {OrderState.PENDING}
    for _ in OrderState:
        reached |= {target for (source, _trigger), target in TRANSITIONS.items() if source in reached}
    assert reached == set(OrderState)


def test_paid_orders_neither_time_out_nor_are_cancelled_by_the_customer() -> None:
    for state in (S.AUTHORIZED, S.CONFIRMED, S.COMPLETED):
        assert not order(state).allows(Trigger.TIME_OUT)
        assert not order(state).allows(Trigger.CANCEL)


def test_a_transition_counts_the_version_and_keeps_what_is_known() -> None:
    reserved = order().after(Trigger.RESERVE, Changes(reservation_id="res_1"))
    paid = reserved.after(Trigger.AUTHORIZE, Changes(payment_id="pay_1"))
    assert (paid.version, paid.reservation_id, paid.payment_id) == (3, "res_1", "pay_1")


def test_a_reservation_shortens_the_time_to_pay_but_never_lengthens_it() -> None:
    sooner, later = NEW_YEAR + timedelta(minutes=5), NEW_YEAR + timedelta(minutes=50)
    assert order().after(Trigger.RESERVE, Changes(pay_before=sooner)).pay_before == sooner
    assert order().after(Trigger.RESERVE, Changes(pay_before=later)).pay_before == order().pay_before


def test_the_total_is_exact() -> None:
    assert order().total == Money(2 * 1999 + 3, "USD")
    assert order().units == 5


def test_a_product_stands_on_one_line_only() -> None:
    refuse_duplicates(["B01", "B02"])
    with pytest.raises(DuplicateSku):
        refuse_duplicates(["B01", "B02", "B01"])


def test_only_the_owner_and_services_see_an_order() -> None:
    assert order().visible_to(Viewer("usr_1"))
    assert order().visible_to(Viewer("svc_payment", internal=True))
    assert not order().visible_to(Viewer("usr_2"))


S = OrderState
