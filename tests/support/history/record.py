"""The history of a crowd: each attempt of each call that matters, when it was sent, what came back and when."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from amazonlite_cli.shoppers.api import Answer, Sent

KEPT = frozenset({"claim", "intent", "pay", "confirm", "cancel", "order"})
AUTHORIZED = frozenset({"AUTHORIZED", "CAPTURED"})
BOUGHT = frozenset({"CONFIRMED", "COMPLETED"})
ENDED = frozenset({"CANCELLED", "TIMED_OUT", "REJECTED"})


class Outcome(StrEnum):
    """What the client knows of an attempt. UNKNOWN: it may have had its effect, or have it later."""

    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(slots=True)
class Operation:
    """One attempt. Times are seconds since 1970; ``completed`` stays None while no answer came.

    The ids are those that the answer names, the order's for a path that names it.
    """

    kind: str
    customer: str
    key: str
    invoked: float
    completed: float | None = None
    outcome: Outcome = Outcome.UNKNOWN
    status: int = 0
    code: str = ""
    state: str = ""
    order_id: str = ""
    payment_id: str = ""
    hold_id: str = ""


@dataclass(slots=True)
class History:
    """``customers`` maps access token to customer. Attempts are in the order in which they were sent."""

    customers: Mapping[str, str]
    operations: list[Operation] = field(default_factory=list)
    now: Callable[[], float] = time.time

    def observe(self, sent: Sent) -> Callable[[Answer], None]:
        """A crowd's observer."""
        if sent.label not in KEPT:
            return lambda _answer: None
        operation = Operation(sent.label, self.customers[sent.token], sent.key, self.now(), order_id=_named(sent))
        self.operations.append(operation)
        return lambda answer: self._complete(operation, answer)

    def _complete(self, operation: Operation, answer: Answer) -> None:
        operation.status = answer.status
        operation.outcome = _outcome(answer)
        if answer.status:
            operation.completed = self.now()
        operation.code = answer.code
        operation.state = str(answer.body.get("state", ""))
        operation.order_id = str(answer.body.get("orderId", operation.order_id))
        operation.payment_id = str(answer.body.get("paymentId", ""))
        operation.hold_id = str(answer.body.get("holdId", ""))

    def of(self, *kinds: str) -> Iterable[Operation]:
        return (operation for operation in self.operations if operation.kind in kinds)

    def succeeded(self, *kinds: str) -> Iterable[Operation]:
        return (operation for operation in self.of(*kinds) if operation.outcome is Outcome.OK)

    @property
    def holds(self) -> dict[str, Operation]:
        """The first acknowledgement of each hold."""
        found: dict[str, Operation] = {}
        for operation in self.succeeded("claim"):
            found.setdefault(operation.hold_id, operation)
        return found

    @property
    def authorized(self) -> dict[str, float]:
        """The orders whose customer was answered that the payment is authorised, and when first."""
        found: dict[str, float] = {}
        for operation in self.succeeded("pay"):
            if operation.state in AUTHORIZED and operation.completed is not None:
                found.setdefault(operation.order_id, operation.completed)
        return found

    @property
    def confirmed(self) -> dict[str, float]:
        """The orders that their customer was shown as bought, and when first."""
        found: dict[str, float] = {}
        for operation in self.succeeded("order", "confirm"):
            if operation.state in BOUGHT and operation.completed is not None:
                found.setdefault(operation.order_id, operation.completed)
        return found

    def unconfirmed(self, paid_before: float) -> set[str]:
        """The orders whose payment was answered authorised before that moment, and whose customer waits still."""
        paid = {order for order, at in self.authorized.items() if at <= paid_before}
        ended = {operation.order_id for operation in self.succeeded("order") if operation.state in ENDED}
        return paid - self.confirmed.keys() - self.cancelled - ended

    @property
    def cancelled(self) -> set[str]:
        """The orders that their customer asked to cancel and was not refused."""
        return {operation.order_id for operation in self.of("cancel") if operation.outcome is not Outcome.FAILED}


def _outcome(answer: Answer) -> Outcome:
    if answer.ok:
        return Outcome.OK
    return Outcome.UNKNOWN if answer.status == 0 or answer.status >= 500 else Outcome.FAILED


def _named(sent: Sent) -> str:
    """The order in a path like /api/orders/ord_1/cancel."""
    _, found, rest = sent.path.partition("/api/orders/")
    return rest.split("/")[0] if found else ""
