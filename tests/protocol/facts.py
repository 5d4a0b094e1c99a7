"""What the databases say about the orders of one sale, and which of it must never be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from amazonlite.common.core.event import Event
from amazonlite.inventory.flash_sale.domain import SaleAudit
from amazonlite.order.domain import TRANSITIONS, OrderState

ONCE_AUTHORIZED = frozenset({"AUTHORIZED", "CAPTURED", "VOIDED"})
KEPT = frozenset({"HELD", "CONFIRMED"})
GIVEN_BACK = frozenset({"EXPIRED", "RELEASED"})
NO_MONEY = frozenset({"", "DECLINED", "VOIDED", "EXPIRED"})
SOLD = frozenset({"CONFIRMED", "COMPLETED"})
OVER = frozenset({"CANCELLED", "TIMED_OUT", "REJECTED"})


class RuleBroken(AssertionError):
    """The protocol did what it must never do."""


def never(broken: bool, what: str, *of: object) -> None:
    if broken:
        raise RuleBroken(f"{what}: {', '.join(str(one) for one in of)}")


@dataclass(frozen=True, slots=True)
class Fact:
    """One order as of one moment, a column from each service; empty where a service has nothing of it.

    ``charges`` has the state of each charge at the provider, by its key: one an attempt.
    """

    order_id: str
    hold: str
    overdue: bool
    units: int = 0
    customer_id: str = ""
    payment_id: str = ""
    payment: str = ""
    wanted: str = ""
    charges: Mapping[str, str] = field(default_factory=dict)
    order: str = ""

    @property
    def holding(self) -> list[str]:
        """The states of those charges that hold money, or took it."""
        return [state for state in self.charges.values() if state not in NO_MONEY]

    @property
    def authorized(self) -> bool:
        """Whoever reads the payment may have seen that it is authorised."""
        return self.payment in ONCE_AUTHORIZED

    @property
    def binding(self) -> bool:
        return self.payment == "CAPTURED" or (self.payment == "AUTHORIZED" and self.wanted != "VOID")


def reachable() -> Mapping[str, frozenset[str]]:
    """The order states that may follow each state, itself included."""
    after: dict[str, set[str]] = {state: {state} for state in OrderState}
    for _ in OrderState:
        for (source, _trigger), target in TRANSITIONS.items():
            for states in after.values():
                if source in states:
                    states.add(target)
    return {state: frozenset(states) for state, states in after.items()} | {"": frozenset(["", *OrderState])}


REACHABLE = reachable()


@dataclass
class Memory:
    """What customers were told and what payment decided, for good, in the course of one sequence.

    ``refused`` are the payments whose money the provider held and then did not let the shop take, ``revived`` those of
    which it declined a charge and held its money later all the same.
    """

    told_paid: set[str] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    revived: set[str] = field(default_factory=set)
    sealed: set[str] = field(default_factory=set)
    last: Mapping[str, Fact] = field(default_factory=dict)

    def heard(self, event: Event) -> None:
        if event.type == "order.cancelled.v1" and event.data["reason"] == "customer_cancelled":
            self.cancelled.add(event.subject)

    def witness(self, closed: Sequence[str], authorized: Sequence[str], binding: Sequence[str]) -> None:
        """Payment's answer to a seal, beside which of these orders are paid at that moment."""
        never(set(authorized) != set(binding), "a seal named", *authorized, "but paid are", *binding)
        never(bool(set(closed) & set(binding)), "a seal closed what is paid", *binding)
        self.sealed |= set(closed)

    def check(self, facts: Mapping[str, Fact], books: SaleAudit) -> None:
        """After every step."""
        never(not books.conserved, "counters, ledger and holds disagree", books)
        never(books.oversold > 0, "a unit has two owners", books)
        for fact in facts.values():
            self._check_one(fact, self.last.get(fact.order_id))
        self.last = facts

    def _check_one(self, fact: Fact, before: Fact | None) -> None:
        never(len(fact.holding) > 1 and fact.payment_id not in self.revived, "two charges hold money", fact)
        never(fact.holding.count("CAPTURED") > 1, "money was taken twice", fact)
        newly_paid = fact.authorized and fact.order_id not in self.told_paid
        was_given_back = before is not None and before.hold in GIVEN_BACK and fact.order_id not in self.cancelled
        never(newly_paid and was_given_back, "paid after its units were given back", fact)
        never(newly_paid and before is not None and before.hold == "EXPIRED", "paid after it expired", fact)
        never(newly_paid and fact.order_id in self.sealed, "paid after it was sealed", fact)
        if fact.authorized:
            self.told_paid.add(fact.order_id)
        never(self._must_be_kept(fact) and fact.hold not in KEPT, "a paid order lost its units", fact)
        moved = fact.order in REACHABLE[before.order if before else ""]
        never(not moved, "an order moved against its table", before, fact)

    def _must_be_kept(self, fact: Fact) -> bool:
        gave_up = fact.order_id in self.cancelled or fact.payment_id in self.refused
        return fact.order_id in self.told_paid and not gave_up

    def check_end(self, facts: Mapping[str, Fact]) -> None:
        """Once everything was delivered and all time was over."""
        for fact in facts.values():
            if self._must_be_kept(fact):
                never(fact.hold != "CONFIRMED", "a paid order was not sold", fact)
                never(
                    (fact.payment, fact.holding) != ("CAPTURED", ["CAPTURED"]), "a sold order was not paid once", fact
                )
                never(fact.order not in SOLD, "a paid order is not confirmed", fact)
            else:
                never(fact.hold not in GIVEN_BACK, "an unpaid order keeps its units", fact)
                never(fact.order not in OVER, "an unpaid order stays open", fact)
                never(bool(fact.holding), "money is held for an order that is over", fact)
