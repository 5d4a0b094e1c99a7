"""What a consumer fails on, against the real database and broker: parked with its key, tried again, never overtaken."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy import text

from amazonlite.common.core.errors import Conflict, Unavailable
from amazonlite.common.core.event import Event
from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.common.events.envelope import MalformedEvent, encode
from amazonlite.common.events.handlers import AnyHandler, Grouped, Single
from amazonlite.common.events.patience import Patience
from amazonlite.common.events.provision import provision
from amazonlite.common.events.topics import Topic, dlq_of
from amazonlite.common.testing.eventually import eventually
from amazonlite.common.testing.stores import delete_topics
from support.consumers import QUICK, ConsumerBench, running

pytestmark = pytest.mark.stores

# Longer than a test takes, unless told otherwise.
PATIENT = replace(QUICK, patience=Patience(first_pause=600, longest_pause=600, passing_pause=600))
BAD = "ord_bad"


class Deploy:
    """A release that fails on the events of one order until it is mended; `tries` counts how often it did."""

    def __init__(self, bench: ConsumerBench, error: Exception) -> None:
        self.bench = bench
        self.error = error
        self.mended = False
        self.tries: Counter[int] = Counter()

    async def one(self, uow: UnitOfWork, event: Event) -> None:
        if event.subject == BAD and not self.mended:
            self.tries[event.data["number"]] += 1
            raise self.error
        await self.bench.effect(uow, event)

    async def many(self, uow: UnitOfWork, events: Sequence[Event]) -> None:
        for event in events:
            await self.one(uow, event)

    def handler(self, kind: str) -> AnyHandler:
        return Single(self.one) if kind == "single" else Grouped(self.many)

    async def mend(self) -> None:
        self.mended = True
        await try_now(self.bench)


async def try_now(bench: ConsumerBench) -> None:
    async with bench.engine.begin() as connection:
        await connection.execute(text("UPDATE inbox_parked SET due_at = NOW(6)"))


def numbers(bench: ConsumerBench, subject: str = BAD) -> list[int]:
    return [number for of, number in bench.order if of == subject]


@pytest.mark.parametrize("kind", ["single", "grouped"])
async def test_a_failing_events_partition_goes_on_while_its_key_waits_in_order(bench: ConsumerBench, kind: str) -> None:
    deploy = Deploy(bench, Conflict("a bug"))
    bench.send(*(bench.event(subject, number) for number in range(3) for subject in (BAD, "ord_good")), partition=0)
    async with running(bench.consumer(deploy.handler(kind), settings=PATIENT)):
        await eventually(lambda: bench.took(3), within=20)
        await eventually(bench.parked, within=20)
        bench.send(bench.event(BAD, 3), bench.event("ord_good", 3), partition=0)
        await eventually(lambda: bench.took(4), within=20)
        await deploy.mend()
        await eventually(lambda: bench.took(8), within=20)
        bench.send(bench.event(BAD, 4), partition=0)
        await eventually(lambda: bench.took(9), within=20)
    assert numbers(bench, "ord_good") == [0, 1, 2, 3]
    assert numbers(bench) == [0, 1, 2, 3, 4]
    assert await bench.parked() == 0
    assert bench.put_aside() == []


async def test_what_is_parked_survives_a_restart_and_keeps_its_place(bench: ConsumerBench) -> None:
    deploy = Deploy(bench, Conflict("a bug"))
    bench.send(bench.event(BAD, 0))
    async with running(bench.consumer(deploy.one, settings=PATIENT)):
        await eventually(bench.parked, within=20)
    bench.send(bench.event(BAD, 1))
    async with running(bench.consumer(deploy.one, settings=PATIENT)):
        await eventually(lambda: _equals(bench, 2), within=20)
        await deploy.mend()
        await eventually(lambda: bench.took(2), within=20)
    assert numbers(bench) == [0, 1]
    assert deploy.tries == {0: 1}  # the second was parked untried


async def test_several_members_try_each_parked_event_once_at_a_time(bench: ConsumerBench) -> None:
    """Whoever tries one holds it; the others look for another."""
    deploy = Deploy(bench, Conflict("a bug"))
    under_way: Counter[str] = Counter()
    most = 0

    async def slow(uow: UnitOfWork, event: Event) -> None:
        nonlocal most
        under_way[event.subject] += 1
        most = max(most, under_way[event.subject])
        try:
            await asyncio.sleep(0.02)
            await deploy.one(uow, event)
        finally:
            under_way[event.subject] -= 1

    bench.send(*(bench.event(BAD, number) for number in range(20)))
    async with running(*(bench.consumer(slow, settings=PATIENT) for _ in range(3))):
        await eventually(lambda: _equals(bench, 20), within=20)
        await deploy.mend()
        await eventually(lambda: bench.took(20), within=30)
    assert numbers(bench) == list(range(20))
    assert most == 1


async def test_a_member_that_dies_while_trying_lets_go_of_the_event(bench: ConsumerBench) -> None:
    deploy = Deploy(bench, Conflict("a bug"))
    bench.send(bench.event(BAD, 0))
    async with running(bench.consumer(deploy.one, settings=PATIENT)):
        await eventually(bench.parked, within=20)
    trying = asyncio.Event()

    async def hangs(_: UnitOfWork, __: Event) -> None:
        trying.set()
        await asyncio.Event().wait()

    await try_now(bench)
    async with running(bench.consumer(hangs, settings=PATIENT)):
        async with asyncio.timeout(20):
            await trying.wait()
    await deploy.mend()
    async with running(bench.consumer(deploy.one, settings=PATIENT)):
        await eventually(lambda: bench.took(1), within=20)
    assert await bench.parked() == 0


@pytest.mark.parametrize("error", [ConnectionResetError("a peer hung up"), TimeoutError(), FileNotFoundError()])
async def test_an_os_error_of_a_handler_is_its_own_and_blocks_nobody(bench: ConsumerBench, error: Exception) -> None:
    deploy = Deploy(bench, error)
    bench.send(bench.event(BAD, 0), bench.event("ord_good", 0), partition=0)
    async with running(bench.consumer(deploy.one)):
        await eventually(lambda: bench.took(1), within=20)
        dead = await eventually(lambda: asyncio.to_thread(bench.put_aside), within=20)
    assert [headers["error"] for _, _, headers in dead] == [type(error).__name__]


async def test_what_the_dead_letters_do_not_take_stays_parked_and_stops_nobody(bench: ConsumerBench) -> None:
    """Here for want of the topic; the same for its size or a right."""
    await asyncio.to_thread(delete_topics, [dlq_of(bench.topic)])
    deploy = Deploy(bench, Conflict("a bug"))
    bench.send(bench.event(BAD, 0), bench.event("ord_good", 0), partition=0)
    async with running(bench.consumer(deploy.one)):
        await eventually(lambda: deploy.tries[0] >= QUICK.patience.tries, within=20)
        bench.send(bench.event("ord_good", 1), partition=0)
        await eventually(lambda: bench.took(2), within=20)
        await deploy.mend()
        await eventually(lambda: bench.took(3), within=20)
    assert await bench.parked() == 0
    await asyncio.to_thread(provision, bench.kafka, [Topic(bench.topic, "test", "a test")])  # deleted with the others


async def test_what_says_that_it_passes_is_tried_for_as_long_as_it_takes(bench: ConsumerBench) -> None:
    """A service that is away is no fault of the events that need it."""
    deploy = Deploy(bench, Unavailable("another service is away"))
    bench.send(bench.event(BAD, 0), bench.event("ord_good", 0), partition=0)
    async with running(bench.consumer(deploy.one)):
        await eventually(lambda: deploy.tries[0] > 2 * QUICK.patience.tries, within=20)
        await deploy.mend()
        await eventually(lambda: bench.took(2), within=20)
    assert bench.put_aside() == []


async def test_what_this_release_finds_wrong_with_an_event_the_next_may_not(bench: ConsumerBench) -> None:
    def concerns(event: Event) -> bool:
        if not mended:
            raise MalformedEvent("a revision that this release does not know")
        return True

    mended = False
    bench.send(bench.event(BAD, 0))
    async with running(bench.consumer(Single(bench.effect, concerns), settings=PATIENT)):
        await eventually(bench.parked, within=20)
        mended = True
        await try_now(bench)
        await eventually(lambda: bench.took(1), within=20)
    assert bench.put_aside() == []


async def test_a_key_that_is_no_text_keeps_its_order_and_its_bytes(bench: ConsumerBench) -> None:
    deploy = Deploy(bench, Conflict("a bug"))

    key = b"\xff\x00key"
    bench.send_raw(*((key, encode(bench.event(BAD, number))) for number in range(2)))
    async with running(bench.consumer(deploy.one)):
        dead = await eventually(lambda: asyncio.to_thread(_two_put_aside, bench), within=20)
    assert [found for found, _, _ in dead] == [key, key]


async def test_an_effect_and_the_end_of_parking_commit_together(bench: ConsumerBench) -> None:
    """A database that is lost in the middle leaves the event parked and its effect undone."""
    lost = False

    async def loses_the_second(uow: UnitOfWork, event: Event) -> None:
        nonlocal lost
        if not bench.calls[event.id]:
            bench.calls[event.id] += 1
            raise Conflict("once")
        await bench.effect(uow, event)
        if not lost:
            lost = True
            await uow.execute(text("KILL CONNECTION_ID()"))

    bench.send(bench.event(BAD, 0))
    async with running(bench.consumer(loses_the_second)):
        await eventually(lambda: bench.took(1), within=20)
        await eventually(lambda: _equals(bench, 0))
    assert lost
    assert bench.put_aside() == []


async def _equals(bench: ConsumerBench, wanted: int) -> bool:
    return await bench.parked() == wanted


def _two_put_aside(bench: ConsumerBench) -> list[tuple[bytes, bytes, dict[str, str]]]:
    found = bench.put_aside()
    return found if len(found) == 2 else []
