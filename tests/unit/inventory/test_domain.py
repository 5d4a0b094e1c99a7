"""The counters are what their entries add up to; a reservation ends once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from amazonlite.inventory.reservations.domain import (
    TRANSITIONS,
    Ending,
    Line,
    Reservation,
    ReservationState,
    ending_kind,
    entries_for,
)
from amazonlite.inventory.stock.domain import EFFECTS, Delta, Entry, EntryKind, balance, totals_of

HELD = Reservation(
    "res_1", "ord_1", ReservationState.HELD, datetime(2030, 1, 1, tzinfo=UTC), (Line("A", 2), Line("B", 1))
)


@pytest.mark.parametrize("kind", EntryKind)
def test_every_effect_keeps_both_sums(kind: EntryKind) -> None:
    effect = EFFECTS[kind]
    assert effect.on_hand == effect.available + effect.reserved
    assert effect.allocated == effect.free + effect.held + effect.sold


@pytest.mark.parametrize("kind", [k for k in EntryKind if EFFECTS[k].allocated or EFFECTS[k].free or EFFECTS[k].held])
def test_what_a_sale_has_unsold_is_inside_what_is_reserved(kind: EntryKind) -> None:
    effect = EFFECTS[kind]
    assert effect.reserved == effect.free + effect.held


def test_a_sale_from_beginning_to_end() -> None:
    totals = {
        EntryKind.ADJUST: 10,
        EntryKind.ALLOCATE: 6,
        EntryKind.HOLD: 4,
        EntryKind.UNHOLD: 1,
        EntryKind.SELL: 2,
        EntryKind.RETURN: 3,
    }
    assert balance(totals) == Delta(on_hand=8, available=7, reserved=1, allocated=3, free=0, held=1, sold=2, returned=3)
    assert balance(totals | {EntryKind.RETURN_HELD: 1}) == Delta(
        on_hand=8, available=8, allocated=2, sold=2, returned=4
    )


def test_totals_are_by_kind() -> None:
    entries = [
        Entry("1", EntryKind.HOLD, "A", 2),
        Entry("2", EntryKind.HOLD, "B", 3),
        Entry("3", EntryKind.SELL, "A", 1),
    ]
    assert totals_of(entries) == {EntryKind.HOLD: 5, EntryKind.SELL: 1}


def test_a_reservation_has_an_entry_a_line_under_a_key_of_its_own() -> None:
    entries = entries_for(replace(HELD, sale_id="fs_1"), EntryKind.SELL)
    assert [(e.key, e.quantity, e.sale_id) for e in entries] == [
        ("res_1:A:SELL", 2, "fs_1"),
        ("res_1:B:SELL", 1, "fs_1"),
    ]


@pytest.mark.parametrize(
    ("ending", "of_sale", "sale_keeps", "kind"),
    [
        (Ending.CONFIRM, False, False, EntryKind.CONFIRM),
        (Ending.RELEASE, False, False, EntryKind.RELEASE),
        (Ending.EXPIRE, False, False, EntryKind.RELEASE),
        (Ending.CONFIRM, True, True, EntryKind.SELL),
        (Ending.CONFIRM, True, False, EntryKind.SELL),
        (Ending.RELEASE, True, True, EntryKind.UNHOLD),
        (Ending.EXPIRE, True, True, EntryKind.UNHOLD),
        (Ending.RELEASE, True, False, EntryKind.RETURN_HELD),
        (Ending.EXPIRE, True, False, EntryKind.RETURN_HELD),
    ],
)
def test_how_an_ending_is_booked(ending: Ending, of_sale: bool, sale_keeps: bool, kind: EntryKind) -> None:
    assert ending_kind(ending, of_sale=of_sale, sale_keeps=sale_keeps) is kind


def test_only_what_is_held_can_end_and_only_what_is_sold_can_be_taken_back() -> None:
    left = {before: {ending for state, ending in TRANSITIONS if state is before} for before, _ in TRANSITIONS}
    assert left == {
        ReservationState.HELD: {Ending.CONFIRM, Ending.RELEASE, Ending.EXPIRE},
        ReservationState.CONFIRMED: {Ending.TAKE_BACK},
    }
    assert set(TRANSITIONS.values()) == set(ReservationState) - {ReservationState.HELD}
