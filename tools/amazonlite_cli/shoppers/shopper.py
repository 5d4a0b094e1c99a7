"""One shopper: joins the queue, waits for admission, claims, and then does what the plan says."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from amazonlite_cli.shoppers.api import Answer, ShopApi


class Plan(StrEnum):
    """What a shopper means to do; fixed before the sale so that a run can be repeated.

    CONFIRM asks for the order's confirmation as soon as it is paid, CANCEL cancels it while paying, CAPTURE_REFUSED
    pays by a method that is authorised and whose money the provider then does not hand over. DECLINED cancels the order
    once the card is declined, so that somebody else may have the goods at once; ANOTHER_CARD tries a good one.
    """

    PAY = "pay"
    CONFIRM = "confirm"
    CANCEL = "cancel"
    TWICE = "twice"
    DECLINED = "declined"
    ANOTHER_CARD = "another-card"
    CAPTURE_REFUSED = "capture-refused"
    ABANDON_HOLD = "abandon-hold"
    ABANDON_QUEUE = "abandon-queue"


class Outcome(StrEnum):
    """How a shopper's visit ended."""

    BOUGHT = "bought"
    CANCELLED = "cancelled"
    DECLINED = "declined"
    CAPTURE_REFUSED = "capture-refused"
    HOLD_ABANDONED = "hold-abandoned"
    QUEUE_ABANDONED = "queue-abandoned"
    SOLD_OUT = "sold-out"
    LIMIT = "limit-reached"
    OVER_LIMIT = "over-limit"
    UNPAID = "unpaid"
    TOO_LATE = "too-late"
    GAVE_UP = "gave-up"


OUTCOME_OF_CODE = {
    "sold_out": Outcome.SOLD_OUT,
    "sale_not_open": Outcome.SOLD_OUT,
    "customer_limit_reached": Outcome.LIMIT,
}
# Not what the shopper came for, and another visit may get it.
UNSATISFIED = frozenset({Outcome.SOLD_OUT, Outcome.LIMIT, Outcome.UNPAID, Outcome.TOO_LATE, Outcome.GAVE_UP})
METHODS = {
    Plan.DECLINED: "pm_declined",
    Plan.ANOTHER_CARD: "pm_declined",
    Plan.CAPTURE_REFUSED: "pm_capture_refused",
}
POLL_SECONDS = 1.0
ORDER_POLL_SECONDS = 0.5


@dataclass(slots=True)
class Shopper:
    """One customer at one sale. ``deadline`` is in monotonic seconds: after it the shopper gives up.

    ``over``: the shop said that the sale is; units of unpaid holds no longer come back. Once ``hurried`` is set, the
    shopper asks every second for the place in the queue, however late the shop wants to be asked.
    """

    api: ShopApi
    sale: str
    customer: str
    token: str
    plan: Plan
    deadline: float
    announce: Callable[[str], None]
    hurried: asyncio.Event = field(default_factory=asyncio.Event)
    limit: int = 1
    visits: int = 0
    over: bool = False

    async def visit_until_over(self) -> Outcome:
        """Visits again, with a new claim each time, until satisfied, told that the sale is over, or out of patience."""
        outcome = await self.visit()
        while outcome in UNSATISFIED and not self.over and time.monotonic() < self.deadline:
            await asyncio.sleep(POLL_SECONDS)
            outcome = await self.visit()
        return outcome

    async def visit(self) -> Outcome:
        """Queue, claim, pay. Never raises: what went wrong is the outcome."""
        self.visits += 1
        while time.monotonic() < self.deadline:
            ticket, ended = await self._wait_for_admission()
            if not ticket:
                return ended
            if self.plan is Plan.ABANDON_QUEUE:
                return Outcome.QUEUE_ABANDONED
            claim = await self._claim(ticket, key=self._key(1))
            if claim.ok:
                return await self._after_claim(claim, ticket)
            if claim.code != "not_admitted":  # the place was lost (queue emptied or lease ran out): queue again
                return OUTCOME_OF_CODE.get(claim.code, Outcome.GAVE_UP)
        return Outcome.GAVE_UP

    def _key(self, claim: int) -> str:
        """The Idempotency-Key of a visit's first or second claim."""
        return f"{self.customer}-{self.visits}-{claim}"

    async def _wait_for_admission(self) -> tuple[str, Outcome]:
        joined = await self.api.persist(
            "POST", f"/api/flash-sales/{self.sale}/queue", label="queue", token=self.token, deadline=self.deadline
        )
        if not joined.ok:
            self.over = not joined.transient
            return "", OUTCOME_OF_CODE.get(joined.code, Outcome.GAVE_UP)
        ticket, state = str(joined.body["ticket"]), str(joined.body["state"])
        self.announce("queued")
        polled = joined
        while state == "WAITING" and time.monotonic() < self.deadline:
            pause = float(polled.body.get("pollAfterSeconds", POLL_SECONDS))
            await self._pause(pause * random.uniform(0.8, 1.0))
            polled = await self._poll(ticket)
            state = str(polled.body.get("state", state if polled.transient else "CLOSED"))
        if state == "ADMITTED":
            self.announce("admitted")
            return ticket, Outcome.GAVE_UP
        self.over = state == "CLOSED"
        return "", Outcome.SOLD_OUT if self.over else Outcome.GAVE_UP

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.hurried.wait()
                await asyncio.sleep(random.uniform(0.0, POLL_SECONDS))

    async def _poll(self, ticket: str) -> Answer:
        return await self.api.persist(
            "GET",
            f"/api/flash-sales/{self.sale}/queue",
            label="poll",
            token=self.token,
            headers={"X-Queue-Ticket": ticket},
            deadline=self.deadline,
        )

    async def _claim(self, ticket: str, key: str) -> Answer:
        return await self.api.persist(
            "POST",
            f"/api/flash-sales/{self.sale}/claims",
            label="claim",
            token=self.token,
            headers={"X-Queue-Ticket": ticket, "Idempotency-Key": key},
            json={"quantity": self.limit},
            deadline=self.deadline,
        )

    async def _after_claim(self, claim: Answer, ticket: str) -> Outcome:
        self.announce("claimed")
        if self.plan is Plan.TWICE and not await self._second_try_changes_nothing(claim, ticket):
            return Outcome.OVER_LIMIT
        if self.plan is Plan.ABANDON_HOLD:
            return Outcome.HOLD_ABANDONED
        return await self._pay(str(claim.body["orderId"]))

    async def _second_try_changes_nothing(self, claim: Answer, ticket: str) -> bool:
        """A retry with the same key gives the same hold; a new key gives no second one while the first is held."""
        again = await self._claim(ticket, key=self._key(1))
        other = await self._claim(ticket, key=self._key(2))
        same = not again.ok or again.body.get("holdId") == claim.body.get("holdId")
        first_ran_out = datetime.now(UTC) >= datetime.fromisoformat(str(claim.body["payBefore"]))
        return same and (first_ran_out or not other.ok)

    async def _pay(self, order: str) -> Outcome:
        intent = await self.api.persist(
            "POST",
            "/api/payments/intents",
            label="intent",
            token=self.token,
            headers={"Idempotency-Key": f"{order}-intent"},
            json={"orderId": order},
            deadline=self.deadline,
        )
        if not intent.ok:
            return Outcome.UNPAID
        payment = str(intent.body["paymentId"])
        if self.plan is Plan.CANCEL:
            await asyncio.gather(self._confirm_payment(order, payment), self._act_on(order, "cancel"))
            return await self._ordered(order)
        paid = await self._confirm_payment(order, payment)
        if self.plan is Plan.ANOTHER_CARD and _declined(paid):
            paid = await self._confirm_payment(order, payment, method="pm_ok", attempt=2)
        if self.plan is Plan.DECLINED and _declined(paid):
            await self._act_on(order, "cancel")
            return Outcome.DECLINED
        if paid.body.get("state") not in {"AUTHORIZED", "CAPTURED"}:
            return Outcome.UNPAID
        if self.plan is Plan.CONFIRM:
            await self._act_on(order, "confirm", {"paymentId": payment})
        return await self._ordered(order)

    async def _confirm_payment(self, order: str, payment: str, *, method: str = "", attempt: int = 1) -> Answer:
        return await self.api.persist(
            "POST",
            f"/api/payments/intents/{payment}/confirm",
            label="pay",
            token=self.token,
            headers={"Idempotency-Key": f"{order}-confirm-{attempt}"},
            json={"method": method or METHODS.get(self.plan, "pm_ok")},
            deadline=self.deadline,
        )

    async def _act_on(self, order: str, action: str, body: object = None) -> Answer:
        return await self.api.persist(
            "POST", f"/api/orders/{order}/{action}", label=action, token=self.token, json=body, deadline=self.deadline
        )

    async def _ordered(self, order: str) -> Outcome:
        """Whether the money bought the goods; an order that ran out of time, or was cancelled, did not.

        Money that the provider will not hand over buys nothing for long: the order is confirmed and then cancelled.
        """
        bought = {"COMPLETED"} if self.plan is Plan.CAPTURE_REFUSED else {"CONFIRMED", "COMPLETED"}
        while time.monotonic() < self.deadline:
            seen = await self.api.persist(
                "GET", f"/api/orders/{order}", label="order", token=self.token, deadline=self.deadline
            )
            if seen.body.get("state") in bought:
                self.announce("paid")
                return Outcome.BOUGHT
            if seen.body.get("state") in {"CANCELLED", "TIMED_OUT"}:
                return self._unbought(str(seen.body.get("reason", "")))
            await asyncio.sleep(ORDER_POLL_SECONDS)
        return Outcome.GAVE_UP

    def _unbought(self, reason: str) -> Outcome:
        if self.plan is Plan.CAPTURE_REFUSED and reason == "capture_refused":
            return Outcome.CAPTURE_REFUSED
        return Outcome.CANCELLED if self.plan is Plan.CANCEL else Outcome.TOO_LATE


def _declined(paid: Answer) -> bool:
    """Said no to, rather than not answered or come too late."""
    return paid.ok and paid.body.get("reason") == "card_declined"
