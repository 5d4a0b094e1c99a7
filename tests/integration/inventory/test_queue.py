"""The queue in a real Redis: who is admitted when, what keeps a place, and what an emptied Redis costs."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from amazonlite.common.testing.eventually import eventually
from amazonlite.inventory.flash_sale import queue
from amazonlite.inventory.flash_sale.admission import SAVE_EVERY
from amazonlite.inventory.flash_sale.change_admission import change_admission
from amazonlite.inventory.flash_sale.domain import Admission, AdmissionOrder, SaleState
from amazonlite.inventory.flash_sale.errors import QueueUnavailable, SaleNotFound, SaleNotOpen, SoldOut, TicketInvalid
from amazonlite.inventory.flash_sale.queue_store import Standing
from amazonlite.inventory.flash_sale.read import look_at_queue
from amazonlite.inventory.flash_sale.ticket import Ticket
from support.inventory import Pod, terms
from support.own_redis import OwnRedis

ONE_AT_A_TIME = Admission(max_active=1, rate_per_second=1000)


async def joined(pod: Pod, sale: str, customer: str) -> Ticket:
    ticket = (await queue.join(pod.sale_deps, sale, customer)).ticket
    return pod.sale_deps.tickets.read(ticket, sale, customer)


async def standing(pod: Pod, ticket: Ticket) -> Standing:
    return (await queue.look(pod.sale_deps, ticket)).standing


async def admitted(pod: Pod, ticket: Ticket) -> bool:
    return await standing(pod, ticket) is Standing.ADMITTED


async def nobody_waits(pod: Pod, sale: str) -> bool:
    return (await pod.sale_deps.queue.count(sale)).waiting == 0


async def left(pod: Pod, ticket: Ticket) -> None:
    await queue.leave(pod.sale_deps, ticket)


async def test_the_first_come_are_the_first_served(pod: Pod) -> None:
    sale = await pod.on_sale(terms("B01", 9), ONE_AT_A_TIME)
    tickets = [await joined(pod, sale, f"usr_{name}") for name in "abc"]
    for position, ticket in enumerate(tickets):
        assert (await queue.look(pod.sale_deps, ticket)).position == position
    for ticket in tickets:
        assert await standing(pod, ticket) is Standing.ADMITTED
        await left(pod, ticket)
    assert await standing(pod, tickets[0]) is Standing.LEFT


async def test_joining_twice_keeps_the_place(two_pods: list[Pod]) -> None:
    one, other = two_pods
    sale = await one.on_sale(terms("B01", 9), ONE_AT_A_TIME)
    await joined(one, sale, "usr_a")
    first = await joined(one, sale, "usr_b")
    await joined(one, sale, "usr_c")
    assert await joined(other, sale, "usr_b") == first
    assert (await queue.look(other.sale_deps, first)).position == 1


async def test_those_before_the_start_are_drawn_and_the_late_stand_behind(pod: Pod) -> None:
    starts = datetime.now(UTC) + timedelta(seconds=2)
    random = Admission(max_active=30, rate_per_second=1000, order=AdmissionOrder.RANDOM)
    sale = await pod.on_sale(terms("B01", 99, starts_at=starts), random, live=False)
    await pod.moved(sale, SaleState.QUEUEING)
    names = [f"usr_{number:02d}" for number in range(40)]
    early = [await joined(pod, sale, name) for name in names]
    assert await standing(pod, early[0]) is Standing.WAITING
    await pod.moved(sale, SaleState.LIVE)
    await asyncio.sleep(max(0.0, (starts - datetime.now(UTC)).total_seconds() + 0.1))
    late = await joined(pod, sale, "usr_late")
    await pod.admitter.tick()
    drawn = [t.customer_id for t in early if await admitted(pod, t)]
    assert len(drawn) == 30
    assert drawn != names[:30]
    assert (await queue.look(pod.sale_deps, late)).position == 11


async def test_no_more_are_admitted_than_there_are_places_tokens_or_free_units(pod: Pod) -> None:
    sale = await pod.on_sale(terms("B01", 25), Admission(max_active=10, rate_per_second=4))
    began = time.monotonic()
    for number in range(30):
        await joined(pod, sale, f"usr_{number}")
    active = (await pod.sale_deps.queue.count(sale)).active
    assert 4 <= active <= 4 + 4 * (time.monotonic() - began)  # a second's worth at once
    await change_admission(pod.sale_deps, sale, max_active=None, rate_per_second=1000, step=pod.step())
    await asyncio.sleep(0.1)
    await pod.admitter.tick()
    assert (await pod.sale_deps.queue.count(sale)).active == 10
    await change_admission(pod.sale_deps, sale, max_active=100, rate_per_second=None, step=pod.step())
    await asyncio.sleep(0.1)
    await pod.admitter.tick()
    count = await pod.sale_deps.queue.count(sale)
    assert (count.active, count.waiting, count.turnout.admitted) == (25, 5, 25)


async def test_lowering_the_cap_admits_nobody_until_there_is_room(pod: Pod) -> None:
    sale = await pod.on_sale(terms("B01", 99), Admission(max_active=3, rate_per_second=1000))
    tickets = [await joined(pod, sale, f"usr_{number}") for number in range(6)]
    await change_admission(pod.sale_deps, sale, max_active=1, rate_per_second=None, step=pod.step())
    for ticket in tickets[:3]:
        assert (await pod.sale_deps.queue.count(sale)).waiting == 3
        await left(pod, ticket)
    assert (await pod.sale_deps.queue.count(sale)).active == 1


async def test_a_paused_sale_keeps_its_queue_and_admits_nobody(pod: Pod) -> None:
    sale = await pod.on_sale(terms("B01", 9), ONE_AT_A_TIME)
    await pod.moved(sale, SaleState.PAUSED)
    ticket = await joined(pod, sale, "usr_a")
    assert await standing(pod, ticket) is Standing.WAITING
    assert queue.eta_seconds(await queue.look(pod.sale_deps, ticket)) is None
    await pod.moved(sale, SaleState.LIVE)
    assert await standing(pod, ticket) is Standing.ADMITTED


async def test_a_claim_frees_the_place_at_once(pod: Pod) -> None:
    sale = await pod.on_sale(terms("B01", 9), ONE_AT_A_TIME)
    first, second = await joined(pod, sale, "usr_a"), await joined(pod, sale, "usr_b")
    await pod.claim(first)
    await eventually(lambda: nobody_waits(pod, sale), within=1)
    assert await standing(pod, second) is Standing.ADMITTED
    assert await standing(pod, first) is Standing.LEFT


async def test_nobody_is_admitted_while_nothing_is_free(pod: Pod) -> None:
    sale = await pod.on_sale(terms("B01", 1), Admission(max_active=5, rate_per_second=1000))
    held = await pod.held(sale, "usr_a")
    await pod.admitter.tick()
    ticket = await joined(pod, sale, "usr_b")
    assert await standing(pod, ticket) is Standing.WAITING
    await pod.happens("order.cancelled.v1", held.hold.order_id)
    await pod.admitter.tick()
    assert await standing(pod, ticket) is Standing.ADMITTED


async def test_a_sold_out_sale_tells_those_who_wait_and_turns_away_those_who_come(pod: Pod) -> None:
    sale = await pod.on_sale(terms("B01", 1), Admission(max_active=5, rate_per_second=1000))
    held = await pod.held(sale, "usr_a")
    await pod.admitter.tick()
    ticket = await joined(pod, sale, "usr_b")
    await pod.happens("payment.authorized.v1", held.hold.order_id)
    await pod.admitter.tick()
    place = await queue.look(pod.sale_deps, ticket)
    assert (place.standing, place.reason) == (Standing.CLOSED, "sold_out")
    with pytest.raises(SoldOut):
        await joined(pod, sale, "usr_c")
    with pytest.raises(SoldOut):
        await pod.claim(ticket)
    assert (await look_at_queue(pod.deps, pod.sale_deps.queue, sale)).turnout.rejected == 2


@pytest.mark.parametrize(("state", "reason"), [(SaleState.ABORTED, "aborted"), (SaleState.DRAINING, "ended")])
async def test_a_sale_that_is_over_says_why(pod: Pod, state: SaleState, reason: str) -> None:
    sale = await pod.on_sale(terms("B01", 1))
    ticket = await joined(pod, sale, "usr_a")
    await pod.moved(sale, state)
    place = await queue.look(pod.sale_deps, ticket)
    assert (place.standing, place.reason) == (Standing.CLOSED, reason)
    with pytest.raises(SaleNotOpen) as refusal:
        await joined(pod, sale, "usr_b")
    assert refusal.value.extra["reason"] == reason


async def test_an_aborted_sale_is_known_as_such_after_redis_was_emptied(pod: Pod, redis_server: OwnRedis) -> None:
    sale = await pod.on_sale(terms("B01", 1))
    ticket = await joined(pod, sale, "usr_a")
    await pod.moved(sale, SaleState.ABORTED)
    redis_server.empty()
    assert (await queue.look(pod.sale_deps, ticket)).reason == "aborted"


async def test_nobody_queues_before_the_queue_opens_or_for_nothing(pod: Pod) -> None:
    sale = await pod.on_sale(terms("B01", 1), live=False)
    with pytest.raises(SaleNotOpen):
        await joined(pod, sale, "usr_a")
    with pytest.raises(SaleNotFound):
        await joined(pod, "fs_none", "usr_a")


async def test_a_ticket_is_good_for_its_customer_and_sale_only(pod: Pod) -> None:
    tickets = pod.sale_deps.tickets
    text = tickets.issue(Ticket("fs_1", "usr_a", 7))
    assert tickets.read(text, "fs_1", "usr_a") == Ticket("fs_1", "usr_a", 7)
    for forged, sale, customer in [(text, "fs_2", "usr_a"), (text, "fs_1", "usr_b"), (text[1:], "fs_1", "usr_a")]:
        with pytest.raises(TicketInvalid):
            tickets.read(forged, sale, customer)


async def test_an_emptied_redis_is_filled_again_in_the_old_order(pod: Pod, redis_server: OwnRedis) -> None:
    sale = await pod.on_sale(terms("B01", 9), ONE_AT_A_TIME)
    tickets = [await joined(pod, sale, f"usr_{name}") for name in "abcd"]
    for _ in range(SAVE_EVERY):
        await pod.admitter.tick()
    redis_server.empty()
    newcomer = await joined(pod, sale, "usr_new")
    for ticket in reversed(tickets):
        assert await standing(pod, ticket) is Standing.WAITING  # they have a moment to come back before it goes on
    assert (await queue.look(pod.sale_deps, newcomer)).position == 5
    await eventually(lambda: admitted(pod, tickets[0]), within=5)
    assert [(await queue.look(pod.sale_deps, t)).position for t in tickets] == [0, 1, 2, 3]
    assert (await look_at_queue(pod.deps, pod.sale_deps.queue, sale)).turnout.admitted >= 1


async def test_without_redis_only_the_queue_is_away_and_it_comes_back(pod: Pod, redis_server: OwnRedis) -> None:
    sale = await pod.on_sale(terms("B01", 9), ONE_AT_A_TIME)
    ticket = await joined(pod, sale, "usr_a")
    redis_server.stop()
    with pytest.raises(QueueUnavailable):
        await queue.look(pod.sale_deps, ticket)
    with pytest.raises(QueueUnavailable):
        await pod.claim(ticket)
    await pod.moved(sale, SaleState.PAUSED)
    await pod.moved(sale, SaleState.LIVE)
    assert not (await look_at_queue(pod.deps, pod.sale_deps.queue, sale)).available
    redis_server.start()
    await eventually(lambda: admitted(pod, ticket), within=10)
    assert (await pod.claim(ticket)).new


async def test_the_wait_is_estimated_from_the_measured_rate(pod: Pod) -> None:
    sale = await pod.on_sale(terms("B01", 99), Admission(max_active=2, rate_per_second=2))
    tickets = [await joined(pod, sale, f"usr_{number}") for number in range(12)]
    place = await queue.look(pod.sale_deps, tickets[-1])
    assert place.measured_rate > 0
    eta = queue.eta_seconds(place)
    assert eta is not None
    assert 3 <= eta <= 10
    assert 1 <= queue.poll_after_seconds(place) <= 5
    far = replace(place, position=10_000)
    assert queue.poll_after_seconds(far) == queue.LATEST_POLL
