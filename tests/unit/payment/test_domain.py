"""The transition table is the whole truth about a payment's life."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from amazonlite.common.core.money import Money
from amazonlite.common.testing.fakes import NEW_YEAR
from amazonlite.payment.domain import (
    ANSWERS,
    TRANSITIONS,
    ChargeState,
    IllegalTransition,
    Method,
    Payment,
    PaymentState,
    Trigger,
    Wanted,
)

S = PaymentState


def payment(state: PaymentState, wanted: Wanted | None = None) -> Payment:
    return Payment("pay_1", "ord_1", "usr_1", state, Money(3998, "USD"), NEW_YEAR, NEW_YEAR, wanted=wanted)


@pytest.mark.parametrize(("state", "trigger"), list(product(PaymentState, Trigger)))
def test_a_transition_is_in_the_table_or_raises(state: PaymentState, trigger: Trigger) -> None:
    if (state, trigger) in TRANSITIONS:
        assert payment(state).after(trigger).state is TRANSITIONS[state, trigger]
    else:
        with pytest.raises(IllegalTransition):
            payment(state).after(trigger)


def test_every_answer_of_the_provider_stands_for_a_transition_that_exists() -> None:
    assert all((state, trigger) in TRANSITIONS for (state, _charge), trigger in ANSWERS.items())


@pytest.mark.parametrize(("state", "charge"), list(product(PaymentState, ChargeState)))
def test_an_answer_heard_twice_changes_nothing_more(state: PaymentState, charge: ChargeState) -> None:
    once = payment(state).answered(charge)
    assert once.answered(charge) == once


def test_money_captured_or_given_back_stays_so_whatever_is_answered() -> None:
    for state, charge in product((S.CAPTURED, S.VOIDED, S.FAILED), ChargeState):
        assert payment(state).answered(charge) == payment(state)


def test_a_confirmed_order_wants_only_money_that_is_held() -> None:
    wanting = {state for state in S if payment(state).order_confirmed().wanted is Wanted.CAPTURE}
    assert wanting == {S.AUTHORIZED}


def test_a_closed_order_wants_back_what_is_held_or_may_become_so() -> None:
    assert payment(S.REQUIRES_CONFIRMATION).order_closed("late").state is S.CANCELLED
    wanting = {state for state in S if payment(state).order_closed("late").wanted is Wanted.VOID}
    assert wanting == {S.PROCESSING, S.AUTHORIZED}


def test_the_first_decision_about_the_money_stays() -> None:
    capture, void = payment(S.AUTHORIZED, Wanted.CAPTURE), payment(S.AUTHORIZED, Wanted.VOID)
    assert capture.order_closed("late") == capture
    assert void.order_confirmed() == void


def test_an_authorisation_that_comes_after_the_end_is_to_be_voided() -> None:
    assert payment(S.CANCELLED).answered(ChargeState.AUTHORIZED).wanted is Wanted.VOID
    assert payment(S.CANCELLED, Wanted.VOID).answered(ChargeState.VOIDED).wanted is None


def test_what_was_to_be_voided_while_processing_is_never_authorised() -> None:
    """Rows of before payments were sealed may still be so."""
    closed = payment(S.PROCESSING, Wanted.VOID).answered(ChargeState.AUTHORIZED)
    assert (closed.state, closed.wanted) == (S.CANCELLED, Wanted.VOID)


def test_a_sealed_payment_is_voided_until_the_provider_cannot_hold_its_money_any_more() -> None:
    sealed = payment(S.PROCESSING).sealed("payment_timeout")
    assert (sealed.state, sealed.wanted) == (S.CANCELLED, Wanted.VOID)
    for charge in (ChargeState.PENDING, ChargeState.AUTHORIZED):
        assert sealed.answered(charge) == sealed
        assert replace(sealed, wanted=None).answered(charge).wanted is Wanted.VOID
    for charge in (ChargeState.VOIDED, ChargeState.DECLINED):
        assert sealed.answered(charge).wanted is None


def test_what_the_provider_says_beside_its_answer_makes_no_lost_order() -> None:
    assert not payment(S.AUTHORIZED, Wanted.CAPTURE).answered(ChargeState.CAPTURED, "approved").lost
    cancelled = payment(S.AUTHORIZED).order_closed("customer_cancelled")
    assert not cancelled.answered(ChargeState.VOIDED, "voided_by_merchant").lost
    refused = payment(S.AUTHORIZED, Wanted.CAPTURE).answered(ChargeState.VOIDED, "authorization_expired")
    assert (refused.reason, refused.lost) == ("capture_refused", False)
    assert payment(S.AUTHORIZED).order_closed("hold_expired").answered(ChargeState.VOIDED).lost


def test_confirming_keeps_method_and_key() -> None:
    confirmed = payment(S.REQUIRES_CONFIRMATION).confirmed(Method.OK, "k1")
    assert confirmed == replace(payment(S.PROCESSING), method=Method.OK, confirm_key="k1")
