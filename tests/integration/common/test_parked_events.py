"""What a consumer fails on, against the real database and broker: parked with its key, tried again, never overtaken."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from prometheus_client import REGISTRY
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
from amazonlite.common.testing.stores import delete_topics, kafka_topics
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


@pytest.fixture
def dropped() -> Iterator[str]:
    """A topic that a release consumed and this one does not."""
    with kafka_topics("dropped") as [topic]:
        yield topic


async def parked_long_ago(bench: ConsumerBench, topic: str, *numbers: int, hours: int = 2) -> None:
    """By a release that consumed the topic; nobody tried them since."""
    of_before = ConsumerBench(bench.engine, bench.kafka, topic, bench.group)
    deploy = Deploy(of_before, Conflict("a bug"))
    of_before.send(*(of_before.event(BAD, number) for number in numbers))
    async with running(of_before.consumer(deploy.one, settings=PATIENT)):
        await eventually(lambda: _equals(bench, len(numbers)), within=20)
    async with bench.engine.begin() as connection:
        await connection.execute(text(f"UPDATE inbox_parked SET due_at = NOW(6) - INTERVAL {hours} HOUR"))  # noqa: S608


def counted(topic: str, outcome: str) -> float:
    return REGISTRY.get_sample_value("events_orphaned_total", {"topic": topic, "outcome": outcome}) or 0.0


async def test_a_topic_that_nobody_consumes_any_more_does_not_block_a_key(bench: ConsumerBench, dropped: str) -> None:
    await parked_long_ago(bench, dropped, 1, 2)
    bench.send(bench.event(BAD, 3))
    async with running(bench.consumer()):
        await eventually(lambda: bench.took(1), within=20)
    assert (numbers(bench), await bench.parked()) == ([3], 0)
    dead = ConsumerBench(bench.engine, bench.kafka, dropped).put_aside()
    assert [headers["error"] for _, _, headers in dead] == ["NotConsumed", "NotConsumed"]
    assert counted(dropped, "put_aside") == 2


async def test_what_the_dead_letters_of_a_dropped_topic_do_not_take_is_kept_and_blocks_nobody(
    bench: ConsumerBench, dropped: str
) -> None:
    """Its right went with the handler, or the topic was deleted. A release that consumes it again takes it."""
    await parked_long_ago(bench, dropped, 1)
    await asyncio.to_thread(delete_topics, [dlq_of(dropped)])
    bench.send(bench.event(BAD, 3))
    async with running(bench.consumer()):
        await eventually(lambda: bench.took(1), within=20)
        assert await bench.parked() == 1
    assert counted(dropped, "kept") == 1

    await asyncio.to_thread(provision, bench.kafka, [Topic(dropped, "test", "a test")])  # its dead letters
    of_later = ConsumerBench(bench.engine, bench.kafka, dropped, bench.group)
    async with running(of_later.consumer()):
        await eventually(lambda: bench.took(2), within=20)
    assert (numbers(of_later), await bench.parked()) == ([1], 0)


async def test_while_releases_differ_none_puts_aside_what_the_other_consumes(
    bench: ConsumerBench, dropped: str
) -> None:
    await parked_long_ago(bench, dropped, 1, hours=0)
    bench.send(bench.event(BAD, 3))
    async with running(bench.consumer()):
        await eventually(lambda: _equals(bench, 2), within=20)
        await asyncio.sleep(0.5)
    assert (numbers(bench), await bench.parked()) == ([], 2)


async def test_parked_events_leave_room_for_fresh_ones(bench: ConsumerBench) -> None:
    """However many are due at once, and however long each takes."""
    deploy = Deploy(bench, Conflict("a bug"))
    parked = [f"ord_parked_{number}" for number in range(2 * QUICK.at_once)]
    mended, let_go = False, asyncio.Event()

    async def handle(uow: UnitOfWork, event: Event) -> None:
        if event.subject in parked:
            if not mended:
                raise deploy.error
            await let_go.wait()
        await bench.effect(uow, event)

    bench.send(*(bench.event(subject) for subject in parked))
    async with running(bench.consumer(handle, settings=PATIENT)):
        await eventually(lambda: _equals(bench, len(parked)), within=20)
        mended = True
        await try_now(bench)
        await asyncio.sleep(0.5)  # they are being tried
        bench.send(bench.event("ord_fresh"))
        await eventually(lambda: bench.took(1), within=5)
        let_go.set()
        await eventually(lambda: bench.took(1 + len(parked)), within=20)
