"""Half of those admitted never come: no more are ever in than may be, and their places are filled within 5 seconds."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field

from amazonlite.common.testing.eventually import eventually
from amazonlite.inventory.flash_sale import queue
from amazonlite.inventory.flash_sale.domain import Admission
from amazonlite.inventory.flash_sale.errors import QueueUnavailable, SaleNotOpen
from amazonlite.inventory.flash_sale.queue_store import Standing
from amazonlite.inventory.flash_sale.ticket import Ticket
from support.inventory import Pod, running, terms, together

PLACES = 20
SHOPPERS = 60


@dataclass
class Crowd:
    pods: list[Pod]
    sale: str
    peak: int = 0
    looks: int = 0
    last_served: float = 0.0
    served: set[str] = field(default_factory=set)

    async def watch(self) -> None:
        while True:
            with suppress(QueueUnavailable):  # Redis answered too late on a busy machine
                self.peak = max(self.peak, (await self.pods[0].sale_deps.queue.count(self.sale)).active)
                self.looks += 1
            await asyncio.sleep(0.005)

    async def faithful(self, ticket: Ticket, pod: Pod) -> None:
        """Asks twice a second; stays a while when let in, then leaves."""
        await eventually(lambda: self.admitted(ticket, pod), within=30, every=0.5)
        self.served.add(ticket.customer_id)
        self.last_served = time.monotonic()
        await asyncio.sleep(0.2)
        await queue.leave(pod.sale_deps, ticket)

    async def admitted(self, ticket: Ticket, pod: Pod) -> bool:
        return (await queue.look(pod.sale_deps, ticket)).standing is Standing.ADMITTED


async def test_abandoned_places_are_filled_again(two_pods: list[Pod]) -> None:
    sale = await two_pods[0].on_sale(terms("B01", 1000), Admission(max_active=PLACES, rate_per_second=1000))
    crowd = Crowd(two_pods, sale)
    async with running(crowd.watch(), *(pod.admitter.run() for pod in two_pods)):
        for number in range(PLACES):  # all places taken by shoppers who are never heard of again
            await two_pods[0].joined(sale, f"gone_{number}")
        tickets = [(two_pods[n % 2], await two_pods[n % 2].joined(sale, f"usr_{n}")) for n in range(PLACES)]
        started = time.monotonic()
        await together(crowd.faithful(ticket, pod) for pod, ticket in tickets)
    assert len(crowd.served) == PLACES
    assert crowd.last_served - started < 5
    assert crowd.peak == PLACES


async def test_half_a_crowd_abandons_and_the_other_half_is_served(two_pods: list[Pod]) -> None:
    sale = await two_pods[0].on_sale(terms("B01", 1000), Admission(max_active=PLACES, rate_per_second=1000))
    crowd = Crowd(two_pods, sale)
    async with running(crowd.watch(), *(pod.admitter.run() for pod in two_pods)):
        visits = []
        for number in range(SHOPPERS):
            pod = two_pods[number % 2]
            ticket = await pod.joined(sale, f"usr_{number}")
            if number % 4 < 2:
                visits.append(crowd.faithful(ticket, pod))
        await together(visits)
    assert len(crowd.served) == SHOPPERS // 2
    assert crowd.looks >= 50
    assert crowd.peak <= PLACES


async def test_many_admitters_at_once_never_admit_too_many(two_pods: list[Pod]) -> None:
    sale = await two_pods[0].on_sale(terms("B01", 1000), Admission(max_active=PLACES, rate_per_second=1000))
    crowd = Crowd(two_pods, sale)
    for number in range(SHOPPERS):
        await two_pods[0].joined(sale, f"usr_{number}")

    async def leave_and_admit(number: int) -> None:
        pod = two_pods[number % 2]
        await pod.sale_deps.queue.leave(sale, [f"usr_{number}"])
        await pod.admitter.tick()

    async with running(crowd.watch()):
        await together(leave_and_admit(number) for number in range(SHOPPERS))
    assert crowd.peak <= PLACES
    count = await two_pods[0].sale_deps.queue.count(sale)
    assert (count.waiting, count.active) == (0, 0)


async def test_nobody_holds_a_place_in_a_sale_that_was_never_opened(two_pods: list[Pod]) -> None:
    sale = await two_pods[0].on_sale(terms("B01", 10), live=False)
    outcomes = await asyncio.gather(
        *(queue.join(pod.sale_deps, sale, "usr_a") for pod in two_pods), return_exceptions=True
    )
    assert all(isinstance(outcome, SaleNotOpen) for outcome in outcomes)
