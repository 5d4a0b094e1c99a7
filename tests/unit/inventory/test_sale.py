"""A sale's states, and how a group of claims is decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from amazonlite.common.core.errors import DomainError
from amazonlite.common.core.money import Money
from amazonlite.common.testing.fakes import NEW_YEAR, SequentialIds
from amazonlite.inventory.flash_sale.decide import Claim, Held, Outcome, decide
from amazonlite.inventory.flash_sale.domain import (
    CLOSED,
    TRANSITIONS,
    Admission,
    Counters,
    Sale,
    SaleAudit,
    SaleState,
    Terms,
    next_state,
)
from amazonlite.inventory.flash_sale.errors import IllegalSaleTransition
from amazonlite.inventory.reservations.domain import Line, Reservation, ReservationState
from amazonlite.inventory.stock.domain import EntryKind

NOW = NEW_YEAR
SALE = Sale(
    id="fs_1",
    terms=Terms(
        name="Sale",
        sku="A",
        quantity=5,
        unit_price=Money(100, "USD"),
        starts_at=NOW - timedelta(minutes=1),
        ends_at=NOW + timedelta(minutes=1),
        per_customer_limit=2,
        hold_ttl=timedelta(seconds=30),
    ),
    admission=Admission(10, 10),
    counters=Counters(allocated=5, free=5),
    state=SaleState.LIVE,
    version=1,
    fence=1,
    fingerprint="",
)


def claim(customer: str, quantity: int = 1, key: str = "k") -> Claim:
    return Claim("fs_1", customer, key, quantity)


def hold(
    customer: str, quantity: int = 1, key: str = "old", state: ReservationState = ReservationState.HELD
) -> Reservation:
    claim_key = claim(customer, quantity, key).claim_key
    return Reservation("hld_old", "ord_old", state, NOW, (Line("A", quantity),), customer, "fs_1", claim_key)


def told(outcomes: Sequence[Outcome]) -> list[str]:
    """ "held", "again" or the refusal's code."""
    return [o.code if isinstance(o, DomainError) else "held" if o.new else "again" for o in outcomes]


@pytest.mark.parametrize(
    ("claims", "holds", "expected"),
    [
        pytest.param([claim("a"), claim("b")], [], ["held", "held"], id="enough for all"),
        pytest.param(
            [claim("a", 2), claim("b", 2), claim("c", 2), claim("d", 1)],
            [],
            ["held", "held", "sold_out", "held"],
            id="who wants less than is left still gets it",
        ),
        pytest.param([claim("a"), claim("a")], [], ["held", "again"], id="one key twice in a group"),
        pytest.param([claim("a"), claim("a", 2)], [], ["held", "idempotency_key_reused"], id="one key, two quantities"),
        pytest.param(
            [claim("a", key="1"), claim("a", key="2"), claim("a", key="3")],
            [],
            ["held", "held", "customer_limit_reached"],
            id="the limit within a group",
        ),
        pytest.param([claim("a", 2)], [hold("a")], ["customer_limit_reached"], id="the limit with an older hold"),
        pytest.param(
            [claim("a", 2)],
            [hold("a", 2, state=ReservationState.CONFIRMED)],
            ["customer_limit_reached"],
            id="what is bought counts",
        ),
        pytest.param([claim("a", 2)], [hold("a", 2, state=ReservationState.EXPIRED)], ["held"], id="expired: again"),
        pytest.param([claim("a", 2)], [hold("a", 2, state=ReservationState.RELEASED)], ["held"], id="released: again"),
        pytest.param([claim("a", key="old")], [hold("a")], ["again"], id="an older claim comes again"),
        pytest.param(
            [claim("a", key="old")],
            [hold("a", state=ReservationState.EXPIRED)],
            ["again"],
            id="the answer stays the same when the hold has expired",
        ),
        pytest.param([claim("a", 3)], [], ["customer_limit_reached"], id="more than anybody may"),
    ],
)
def test_claims_are_served_in_turn(claims: list[Claim], holds: list[Reservation], expected: list[str]) -> None:
    assert told(decide(SALE, NOW, claims, holds, SequentialIds())) == expected


@pytest.mark.parametrize(
    "sale",
    [
        *(replace(SALE, state=state) for state in SaleState if state is not SaleState.LIVE),
        replace(SALE, terms=replace(SALE.terms, starts_at=NOW + timedelta(microseconds=1))),
        replace(SALE, terms=replace(SALE.terms, ends_at=NOW)),
    ],
)
def test_a_sale_that_is_not_open_gives_nothing_new_but_repeats_its_answers(sale: Sale) -> None:
    outcomes = decide(sale, NOW, [claim("a", key="old"), claim("b")], [hold("a")], SequentialIds())
    assert told(outcomes) == ["again", "sale_not_open"]


def test_a_hold_lasts_its_time_and_costs_its_price() -> None:
    [held] = decide(SALE, NOW, [claim("a", 2)], [], SequentialIds())
    assert isinstance(held, Held)
    assert held.hold.expires_at == NOW + timedelta(seconds=30)
    assert held.hold.lines == (Line("A", 2),)
    assert held.total == Money(200, "USD")


def test_units_given_never_exceed_what_is_free() -> None:
    crowd = [claim(f"usr_{number}", 1 + number % 2) for number in range(50)]
    outcomes = decide(SALE, NOW, crowd, [], SequentialIds())
    assert sum(o.hold.units for o in outcomes if isinstance(o, Held)) == SALE.counters.free


@pytest.mark.parametrize(
    ("before", "after"), [(before, after) for before in SaleState for after in SaleState if before is not after]
)
def test_states_follow_the_table(before: SaleState, after: SaleState) -> None:
    sale = replace(SALE, state=before)
    if after in TRANSITIONS[before]:
        assert next_state(sale, after) is after
    else:
        with pytest.raises(IllegalSaleTransition):
            next_state(sale, after)


@pytest.mark.parametrize("state", SaleState)
def test_the_same_state_again_is_no_change(state: SaleState) -> None:
    assert next_state(replace(SALE, state=state), state) is state


def test_every_open_state_can_be_aborted_and_no_closed_one_left() -> None:
    for state in SaleState:
        assert (SaleState.ABORTED in TRANSITIONS[state]) == (state not in CLOSED)
        assert bool(TRANSITIONS[state]) == (state not in CLOSED)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, ""),
        ({"state": SaleState.PAUSED}, ""),
        ({"state": SaleState.DRAINING}, "ended"),
        ({"state": SaleState.SETTLED}, "ended"),
        ({"state": SaleState.ABORTED}, "aborted"),
        ({"counters": Counters(allocated=5, held=1, sold=4)}, ""),
        ({"counters": Counters(allocated=5, sold=5)}, "sold_out"),
        ({"counters": Counters(allocated=5, sold=5), "state": SaleState.SETTLED}, "sold_out"),
        ({"terms": replace(SALE.terms, ends_at=NOW)}, "ended"),
    ],
)
def test_why_nothing_will_ever_be_claimable_again(change: dict[str, object], reason: str) -> None:
    assert replace(SALE, **change).closed_reason(NOW) == reason  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("counters", "units", "ledger", "conserved", "oversold"),
    [
        (Counters(5, 3, 1, 1), {"HELD": 1, "CONFIRMED": 1}, {"ALLOCATE": 5, "HOLD": 2, "SELL": 1}, True, 0),
        (Counters(5, 3, 1, 1), {"HELD": 2, "CONFIRMED": 1}, {"ALLOCATE": 5, "HOLD": 2, "SELL": 1}, False, 0),
        (Counters(5, 3, 1, 1), {"HELD": 1, "CONFIRMED": 1}, {"ALLOCATE": 5, "HOLD": 3, "SELL": 1}, False, 0),
        (Counters(5, 0, 5, 0), {"HELD": 6, "EXPIRED": 9}, {"ALLOCATE": 5, "HOLD": 5}, False, 1),
        (Counters(2, 0, 0, 2, 3), {"CONFIRMED": 2}, {"ALLOCATE": 5, "HOLD": 2, "SELL": 2, "RETURN": 3}, True, 0),
        (Counters(2, 0, 0, 2, 2), {"CONFIRMED": 2}, {"ALLOCATE": 5, "HOLD": 2, "SELL": 2, "RETURN": 3}, False, 0),
    ],
)
def test_books_agree_or_do_not(
    counters: Counters, units: dict[str, int], ledger: dict[str, int], conserved: bool, oversold: int
) -> None:
    books = SaleAudit(
        sale=replace(SALE, counters=counters),
        now=NOW,
        units={ReservationState(state): count for state, count in units.items()},
        ledger={EntryKind(kind): count for kind, count in ledger.items()},
        oldest_overdue=NOW - timedelta(seconds=3),
    )
    assert (books.conserved, books.oversold) == (conserved, oversold)
    assert books.overdue_seconds == 3
