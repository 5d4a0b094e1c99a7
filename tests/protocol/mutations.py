"""The protocol with one of its rules left out. Each of these the state machines must find out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import pytest
from sqlalchemy.exc import IntegrityError

from amazonlite.common.core.errors import Unavailable
from amazonlite.common.data.unit_of_work import UnitOfWork, in_transaction
from amazonlite.inventory.flash_sale import remove
from amazonlite.inventory.ports import Sealed
from amazonlite.inventory.reservations import confirm as inventory_confirm
from amazonlite.inventory.reservations import expire, take_back
from amazonlite.inventory.reservations import store as inventory_store
from amazonlite.inventory.reservations.domain import Ending, Reservation, ReservationState
from amazonlite.order import confirm as order_confirm
from amazonlite.order import time_out
from amazonlite.order.advance import moved
from amazonlite.order.consumers import REACTIONS
from amazonlite.order.domain import Changes, Order, Trigger
from amazonlite.payment import confirm as payment_confirm
from amazonlite.payment import record, seal
from amazonlite.payment import store as payment_store
from amazonlite.payment.domain import ANSWERS, ChargeState, Payment, PaymentState, Wanted
from amazonlite.payment.provider import Charge
from protocol.facts import RuleBroken
from protocol.machine import PaymentAndInventory
from protocol.network import Fate
from protocol.sequences import (
    Act,
    Machine,
    cancel,
    changing_its_mind,
    declined,
    delivering,
    dropping,
    follow_up,
    open_intent,
    paying,
    recover,
    resume,
    sweeping,
    webhook,
)
from protocol.sequences import (
    remove as remove_the_sale,
)
from protocol.whole_shop import WholeShop

Patch = pytest.MonkeyPatch
S = PaymentState


async def _sealed_without(close_slots: bool, save: bool, deps: Any, order_ids: Sequence[str]) -> seal.Sealed:
    """``seal_orders``, but for what it does not write."""

    async def work(uow: UnitOfWork) -> seal.Sealed:
        if close_slots:
            await payment_store.close_slots(uow, order_ids)
        payments = await payment_store.lock_by_orders(uow, order_ids)
        sealed = [after for p in payments if (after := p.sealed(seal.REASON)) != p]
        if save:
            await payment_store.save_decided(uow, sealed)
        paid = {payment.order_id: payment.payment_id for payment in payments if payment.binding}
        return seal.Sealed([order_id for order_id in order_ids if order_id not in paid], paid)

    return await in_transaction(deps.transactions, work)


def seal_leaves_the_slot_free(patch: Patch) -> None:
    patch.setattr(seal, "seal_orders", partial(_sealed_without, False, True))


def seal_writes_nothing(patch: Patch) -> None:
    patch.setattr(seal, "seal_orders", partial(_sealed_without, True, False))


def seal_leaves_a_processing_payment_open(patch: Patch) -> None:
    sealed = Payment.sealed
    patch.setattr(Payment, "sealed", lambda p, reason: p if p.state is S.PROCESSING else sealed(p, reason))


def seal_leaves_an_unconfirmed_payment_open(patch: Patch) -> None:
    sealed = Payment.sealed
    patch.setattr(Payment, "sealed", lambda p, reason: p if p.state is S.REQUIRES_CONFIRMATION else sealed(p, reason))


def seal_does_not_void_what_the_provider_may_hold(patch: Patch) -> None:
    sealed = Payment.sealed
    patch.setattr(Payment, "sealed", lambda p, reason: replace(sealed(p, reason), wanted=p.wanted))


def seal_names_payments_given_back(patch: Patch) -> None:
    patch.setattr(Payment, "binding", property(lambda p: p.state in {S.AUTHORIZED, S.CAPTURED, S.VOIDED}))


def seal_forgets_captured_payments(patch: Patch) -> None:
    patch.setattr(Payment, "binding", property(lambda p: p.state is S.AUTHORIZED and p.wanted is not Wanted.VOID))


def payment_asks_about_no_order(patch: Patch) -> None:
    async def nothing_waits(*_: object) -> list[object]:
        return []

    patch.setattr(payment_store, "find_undecided", nothing_waits)


def a_late_answer_authorises_a_cancelled_payment(patch: Patch) -> None:
    answered = Payment.answered

    def revived(payment: Payment, charge: ChargeState, reason: str = "") -> Payment:
        if payment.state is S.CANCELLED and charge is ChargeState.AUTHORIZED:
            return replace(payment, state=S.AUTHORIZED, wanted=None)
        return answered(payment, charge, reason)

    patch.setattr(Payment, "answered", revived)


def a_late_answer_to_a_cancelled_payment_is_ignored(patch: Patch) -> None:
    answered = Payment.answered
    patch.setattr(
        Payment,
        "answered",
        lambda p, c, reason="": replace(p, wanted=None) if p.state is S.CANCELLED else answered(p, c, reason),
    )


def an_answer_is_recorded_without_reading_the_payment_again(patch: Patch) -> None:
    """As if the payment were still PROCESSING, as it was when the provider was asked."""
    answered = Payment.answered

    def stale(payment: Payment, charge: ChargeState, reason: str = "") -> Payment:
        known = (S.PROCESSING, charge) in ANSWERS and payment.state is S.CANCELLED
        return answered(replace(payment, state=S.PROCESSING, wanted=None) if known else payment, charge, reason)

    patch.setattr(Payment, "answered", stale)


def an_answer_that_news_overtook_is_believed(patch: Patch) -> None:
    async def believed(deps: Any, uow: UnitOfWork, charge: Charge, *, asked: Payment) -> Payment | None:
        payment = await payment_store.lock(uow, asked.payment_id)
        return payment and await record._record(deps, uow, payment, charge)

    patch.setattr(payment_confirm, "record_answer", believed)


def a_closed_slot_can_be_paid(patch: Patch) -> None:
    async def taken(uow: UnitOfWork, order_id: str, payment_id: str | None) -> bool:
        return await payment_store.find_by_order(uow, order_id) is None

    patch.setattr(payment_store, "reserve_order_payment", taken)


def a_cancelled_order_keeps_its_money(patch: Patch) -> None:
    patch.setattr(Payment, "order_closed", lambda payment, reason: payment.sealed(reason))


def every_attempt_has_the_same_charge(patch: Patch) -> None:
    patch.setattr(Payment, "charge_key", property(lambda payment: payment.payment_id))


def an_answer_counts_for_whatever_attempt_is_under_way(patch: Patch) -> None:
    patch.setattr(Payment, "heard", lambda payment, _key, charge, reason="": payment.answered(charge, reason))


def money_of_a_declined_attempt_is_kept(patch: Patch) -> None:
    patch.setattr(Payment, "_heard_late", lambda payment, _key, _charge: payment)


def a_declined_attempt_pays_after_all(patch: Patch) -> None:
    def revived(payment: Payment, key: str, charge: ChargeState) -> Payment:
        held = charge is ChargeState.AUTHORIZED
        return replace(payment, state=S.AUTHORIZED, wanted=None) if held else payment

    patch.setattr(Payment, "_heard_late", revived)


def a_second_method_is_tried_while_the_first_is_open(patch: Patch) -> None:
    begin = payment_confirm._begin

    async def impatient(deps: Any, uow: UnitOfWork, viewer: Any, payment_id: str, method: Any, key: str) -> Payment:
        payment = await payment_store.lock(uow, payment_id)
        if payment is not None and payment.state is S.PROCESSING and payment.confirm_key != key:
            await payment_store.save(uow, payment.answered(ChargeState.DECLINED), due_in=None)
        return await begin(deps, uow, viewer, payment_id, method, key)

    patch.setattr(payment_confirm, "_begin", impatient)


def a_sealed_payment_takes_another_card_after_a_decline(patch: Patch) -> None:
    sealed = Payment.sealed
    patch.setattr(Payment, "sealed", lambda p, reason: p if p.retriable else sealed(p, reason))


async def _end_unasked(deps: Any, held: Sequence[Any], rehearsals: frozenset[str]) -> int:
    return await expire._expire(deps, [one.id for one in held])


def holds_expire_unasked(patch: Patch) -> None:
    patch.setattr(expire, "end_unless_paid", _end_unasked)


def a_removed_sale_ends_its_holds_unasked(patch: Patch) -> None:
    patch.setattr(remove, "end_unless_paid", _end_unasked)


def no_answer_counts_as_closed(patch: Patch) -> None:
    asked = expire.end_unless_paid

    async def impatient(deps: Any, held: Sequence[Any], rehearsals: frozenset[str]) -> int:
        try:
            return await asked(deps, held, rehearsals)
        except Unavailable:
            return await _end_unasked(deps, held, rehearsals)

    patch.setattr(expire, "end_unless_paid", impatient)


def a_sweep_does_not_look_again_whether_holds_are_held(patch: Patch) -> None:
    async def as_found(uow: UnitOfWork, ids: Sequence[str]) -> list[Reservation]:
        return [replace(r, state=ReservationState.HELD) for r in await inventory_store._lock(uow, ids)]

    patch.setattr(inventory_store, "lock_held", as_found)


def a_sweep_leaves_what_is_paid_as_it_is(patch: Patch) -> None:
    async def nothing(*_: object) -> int:
        return 0

    patch.setattr(expire, "_confirm", nothing)


def a_sweep_expires_what_is_paid(patch: Patch) -> None:
    async def confirmed(deps: Any, ids: Sequence[str], sealed: Sealed) -> int:
        return await expire._expire(deps, ids)

    patch.setattr(expire, "_confirm", confirmed)


def a_sold_unit_is_never_put_back(patch: Patch) -> None:
    patch.setattr(take_back, "_ENDINGS", {ReservationState.HELD: Ending.RELEASE})


def a_sweep_does_not_tell_what_it_sold(patch: Patch) -> None:
    confirm_held = inventory_confirm.confirm_held

    async def silent(deps: Any, uow: UnitOfWork, held: Sequence[Reservation], payments: Mapping[str, str]) -> None:
        await confirm_held(deps, _Mute(uow), held, payments)  # type: ignore[arg-type]

    patch.setattr(expire, "confirm_held", silent)


class _Mute:
    """A unit of work that loses events."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def __getattr__(self, name: str) -> Any:
        return getattr(self._uow, name)

    async def add_events(self, events: Sequence[Any]) -> None:
        """Nobody is told."""


def an_order_is_timed_out_although_it_is_paid(patch: Patch) -> None:
    def timed_out(deps: Any, order: Order, *_: object) -> Any:
        return moved(deps, order, Trigger.TIME_OUT, time_out.DEADLINE, time_out.UNPAID)

    patch.setattr(time_out, "_move", timed_out)


def a_sale_does_not_tell_the_order_its_payment(patch: Patch) -> None:
    untold = (Trigger.CONFIRM, lambda _: Changes())
    patch.setitem(cast(dict[str, Any], REACTIONS), "inventory.confirmed.v1", untold)


def an_order_is_confirmed_without_a_payment(patch: Patch) -> None:
    async def believed(*_: object) -> None:
        """Whoever says that it is paid is believed."""

    patch.setattr(order_confirm, "_require_held_payment", believed)


@dataclass(frozen=True)
class Mutation:
    """``acts`` show it. ``machine`` is the smaller one that can."""

    apply: Callable[[Patch], None]
    acts: Sequence[Act]
    machine: Machine = PaymentAndInventory
    shows: type[Exception] = RuleBroken
    """The ledger's unique keys refuse what would be booked twice: then it is IntegrityError."""

    @property
    def name(self) -> str:
        return self.apply.__name__


PAID, LATE = "payment.authorized.v1", [paying(Fate.ANSWER_DELAYED), sweeping(), follow_up, resume]
CAPTURE = [
    delivering(PAID, "inventory"),
    delivering(PAID, "order"),
    delivering("inventory.confirmed.v1", "order"),
    delivering("order.confirmed.v1", "payment"),
    follow_up,
]
CONFIRMATION_LOST = [*CAPTURE[:3], dropping("order.confirmed.v1", "payment")]
CANCELLED_AT_PAYMENT = [paying(), cancel, delivering("order.cancelled.v1", "payment")]
MUTATIONS: Sequence[Mutation] = (
    Mutation(seal_leaves_the_slot_free, [sweeping(), paying()]),
    Mutation(seal_writes_nothing, [open_intent, sweeping(), paying()]),
    Mutation(seal_leaves_a_processing_payment_open, [paying(Fate.REQUEST_DELAYED), sweeping(), resume]),
    Mutation(seal_leaves_an_unconfirmed_payment_open, [open_intent, sweeping(), paying()]),
    Mutation(seal_does_not_void_what_the_provider_may_hold, [paying(Fate.ANSWER_LOST), sweeping()]),
    Mutation(seal_names_payments_given_back, [*CANCELLED_AT_PAYMENT, follow_up, sweeping()]),
    Mutation(seal_forgets_captured_payments, [paying(), sweeping(Fate.REQUEST_DELAYED), *CAPTURE, resume]),
    Mutation(payment_asks_about_no_order, [paying(), *CONFIRMATION_LOST]),
    Mutation(a_late_answer_authorises_a_cancelled_payment, LATE),
    Mutation(
        a_late_answer_to_a_cancelled_payment_is_ignored,
        [declined(Fate.ANSWER_DELAYED), sweeping(), follow_up, changing_its_mind, webhook],
    ),
    Mutation(an_answer_is_recorded_without_reading_the_payment_again, LATE),
    Mutation(
        an_answer_that_news_overtook_is_believed,
        [declined(Fate.ANSWER_DELAYED), changing_its_mind, webhook, resume],
    ),
    Mutation(a_closed_slot_can_be_paid, [sweeping(), paying()]),
    Mutation(a_cancelled_order_keeps_its_money, [paying(), cancel]),
    Mutation(every_attempt_has_the_same_charge, [declined(), paying()]),
    Mutation(
        an_answer_counts_for_whatever_attempt_is_under_way,
        [declined(Fate.ANSWER_DELAYED), recover, paying(Fate.ANSWER_DELAYED), resume],
    ),
    Mutation(money_of_a_declined_attempt_is_kept, [declined(), changing_its_mind, webhook]),
    Mutation(a_declined_attempt_pays_after_all, [declined(), sweeping(), changing_its_mind, webhook]),
    Mutation(a_second_method_is_tried_while_the_first_is_open, [paying(Fate.ANSWER_DELAYED), paying()]),
    Mutation(a_sealed_payment_takes_another_card_after_a_decline, [declined(), sweeping(), paying()]),
    Mutation(holds_expire_unasked, [paying(), sweeping()]),
    Mutation(a_removed_sale_ends_its_holds_unasked, [paying(), remove_the_sale]),
    Mutation(no_answer_counts_as_closed, [paying(), sweeping(Fate.REQUEST_LOST)]),
    Mutation(
        a_sweep_does_not_look_again_whether_holds_are_held,
        [sweeping(Fate.ANSWER_DELAYED), sweeping(), resume],
        shows=IntegrityError,
    ),
    Mutation(a_sweep_leaves_what_is_paid_as_it_is, [paying(), dropping(PAID, "inventory"), sweeping()]),
    Mutation(a_sweep_expires_what_is_paid, [paying(), sweeping()]),
    Mutation(a_sold_unit_is_never_put_back, [paying(), delivering(PAID, "inventory"), cancel]),
    Mutation(a_sweep_does_not_tell_what_it_sold, [paying(), sweeping()]),
    Mutation(
        an_order_is_timed_out_although_it_is_paid,
        [paying(), lambda m: m.time_is_up(0, "order"), lambda m: cast(WholeShop, m).order_sweep(Fate.ARRIVES, None)],
        WholeShop,
    ),
    Mutation(a_sale_does_not_tell_the_order_its_payment, [paying(), dropping(PAID, "order"), sweeping()], WholeShop),
    Mutation(
        an_order_is_confirmed_without_a_payment,
        [open_intent, lambda m: cast(WholeShop, m).confirm_order(0, Fate.ARRIVES, None)],
        WholeShop,
    ),
)
