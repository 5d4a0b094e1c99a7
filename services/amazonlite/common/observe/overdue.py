"""The alarm for whatever stays in a state of the saga for longer than that state may last.

``saga_overdue{aggregate,state}`` is 0 for every state while all goes well; alert on anything else. Each reading that
finds something is an error in the log as well, with one of the ids to start from.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from prometheus_client import Gauge

from amazonlite.common.observe.logs import get_logger

log = get_logger(__name__)

OVERDUE = Gauge(
    "saga_overdue", "Orders or payments that are in a state for longer than it may last", ["aggregate", "state"]
)


@dataclass(frozen=True, slots=True)
class Overdue:
    """How many are overdue in one state, and the id of one of them."""

    count: int
    example: str


def report_overdue(aggregate: str, states: Collection[str], found: Mapping[str, Overdue]) -> None:
    """``states`` are all that may be overdue: those not ``found`` are 0 again."""
    for state in states:
        OVERDUE.labels(aggregate, state).set(found[state].count if state in found else 0)
    for state, overdue in sorted(found.items()):
        log.error("saga_overdue", aggregate=aggregate, state=state, count=overdue.count, example=overdue.example)
