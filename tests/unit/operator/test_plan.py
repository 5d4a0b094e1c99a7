"""What holds of every plan, in whatever phase, at whatever moment, with whatever is seen."""

from __future__ import annotations

import itertools
from functools import cache

from amazonlite_operator.flash_sale.actions import Allocate, DeleteSale, SetAdmission, SetState, Settle
from amazonlite_operator.flash_sale.observation import SaleObservation
from amazonlite_operator.flash_sale.phases import PHASES, Phase
from amazonlite_operator.kind.actions import Record, RemoveFinalizer
from support.fake_observations import (
    AFTER,
    BEFORE_LEAD,
    DOORS,
    DURING,
    FAILING,
    LEAD,
    SLO,
    P,
    next_action,
    observed,
    sale,
    shape,
    spec,
)

STATES = ("SCHEDULED", "QUEUEING", "LIVE", "PAUSED", "DRAINING", "ABORTED", "SETTLED")
MOMENTS = (BEFORE_LEAD, LEAD, DOORS, DURING, AFTER)


@cache
def every_observation() -> list[SaleObservation]:
    """Every phase at every moment with every state of inventory's sale, deleted or not, with and without wishes."""
    observations = []
    sales = [None, *(sale(state) for state in STATES), sale("LIVE", free=0, sold=10), sale("ABORTED", free=0)]
    wishes = [spec(), spec(paused=True), spec(abort=True), spec(slo=SLO, onBreach="Pause")]
    for phase, now, view, wish, deleting, up in itertools.product(
        Phase, MOMENTS, sales, wishes, (False, True), (False, True)
    ):
        known = view if up else None
        observations.append(
            observed(phase, now, sale=known, spec=wish, deleting=deleting, slo=FAILING, inventory_up=up)
        )
    return observations


def test_every_observation_has_an_action_that_keeps_to_the_transition_table() -> None:
    for seen in every_observation():
        action = next_action(seen)  # raises IllegalTransition otherwise
        if isinstance(action, Record) and action.status.phase is not seen.status.phase:
            assert action.status.phase in PHASES.ways[seen.status.phase]


def test_the_same_observation_gives_the_same_action() -> None:
    for seen in every_observation()[::7]:
        assert next_action(seen) == next_action(seen)


def test_nothing_is_planned_for_inventory_while_it_is_away() -> None:
    to_inventory = (Allocate, SetState, SetAdmission, Settle, DeleteSale)
    assert not any(isinstance(next_action(seen), to_inventory) for seen in every_observation() if not seen.inventory_up)


def test_a_sale_that_ended_is_never_opened_again() -> None:
    for seen in every_observation():
        action = next_action(seen)
        if seen.sale is not None and seen.sale.state in ("ABORTED", "SETTLED"):
            assert not isinstance(action, SetState), (seen.status.phase, action)


def test_after_abort_claims_stop_before_anything_else_happens() -> None:
    for phase in set(Phase) - PHASES.terminal - {P.DRAINING}:
        seen = observed(phase, DURING, spec=spec(abort=True), sale=sale("LIVE"))
        assert shape(next_action(seen)) == ("SetState", "ABORTED")


def test_the_finalizer_goes_last_and_only_when_nothing_is_held() -> None:
    for seen in every_observation():
        if isinstance(next_action(seen), RemoveFinalizer):
            assert seen.inventory_up
            assert seen.sale is not None and seen.sale.over
