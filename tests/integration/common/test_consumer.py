"""The consumer against the real database and broker: one effect an event, patience with stores, the rest put aside."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from amazonlite.common.core.errors import Conflict
from amazonlite.common.core.event import Event
from amazonlite.common.core.settings import MysqlSettings
from amazonlite.common.data.unit_of_work import UnitOfWork, unit_of_work_factory
from amazonlite.common.events.envelope import encode
from amazonlite.common.events.handlers import Single
from amazonlite.common.testing.eventually import eventually
from support.consumers import TRIES, AwayAtFirst, ConsumerBench, running

pytestmark = pytest.mark.stores


async def test_an_event_delivered_twice_takes_effect_once(bench: ConsumerBench) -> None:
    event, last = bench.event(), bench.event(number=1)
    bench.send(event, event, last)
    async with running(bench.consumer()):
        await eventually(lambda: bench.calls[last.id], within=20)
        await eventually(lambda: bench.took(2))
    assert bench.calls == {event.id: 1, last.id: 1}
    assert bench.correlations == {"cor-ord_1"}


async def test_an_aggregates_events_take_effect_in_order(bench: ConsumerBench) -> None:
    subjects = [f"ord_{number}" for number in range(10)]
    bench.send(*(bench.event(subject, number) for number in range(10) for subject in subjects))
    async with running(bench.consumer()):
        await eventually(lambda: len(bench.order) == 100, within=20)
    for subject in subjects:
        assert [number for of, number in bench.order if of == subject] == list(range(10))


async def test_after_a_restart_it_goes_on_where_it_stopped(bench: ConsumerBench) -> None:
    bench.send(*(bench.event(f"ord_{number}") for number in range(20)))
    async with running(bench.consumer()):
        await eventually(lambda: bench.took(20), within=20)
    bench.send(bench.event("ord_new"))
    async with running(bench.consumer()):
        await eventually(lambda: bench.took(21), within=20)


async def test_what_keeps_failing_is_put_aside_and_its_key_goes_on(bench: ConsumerBench) -> None:
    async def refuses_the_first(uow: UnitOfWork, event: Event) -> None:
        await bench.effect(uow, event)
        if event.data["number"] == 0:
            raise Conflict("never in this state, ada@example.com")

    first, second = bench.event(number=0), bench.event(number=1)
    bench.send(first, second)
    async with running(bench.consumer(refuses_the_first)):
        await eventually(lambda: bench.calls[second.id], within=20)
        await eventually(lambda: bench.took(1))
    assert bench.calls == {first.id: TRIES, second.id: 1}
    [(key, value, headers)] = bench.put_aside()
    assert (key, value) == (b"ord_1", encode(first))
    assert headers["error"] == "Conflict: conflict"
    assert (headers["tries"], headers["consumer"], headers["topic"]) == (str(TRIES), bench.group, bench.topic)
    assert headers["origin"] == "here"


async def test_what_is_no_event_is_put_aside_at_once(bench: ConsumerBench) -> None:
    good = bench.event()
    bench.send_raw((b"ord_1", b"{not json"), (b"ord_1", encode(good)))
    async with running(bench.consumer()):
        await eventually(lambda: bench.calls[good.id], within=20)
    [(key, value, headers)] = bench.put_aside()
    assert (key, value, headers["tries"]) == (b"ord_1", b"{not json", "1")
    assert headers["error"].startswith("MalformedEvent")


async def test_while_the_database_refuses_connections_events_wait(
    bench: ConsumerBench, common_mysql: MysqlSettings, engine_for: Callable[[MysqlSettings], AsyncEngine]
) -> None:
    nobody = unit_of_work_factory(engine_for(common_mysql.model_copy(update={"port": 1})))
    factory = AwayAtFirst(6, nobody, unit_of_work_factory(bench.engine))
    events = [bench.event("ord_1", number) for number in range(3)]
    bench.send(*events)
    async with running(bench.consumer(factory=factory)):
        await eventually(lambda: bench.took(3), within=20)
    assert factory.asked > 6
    assert [number for _, number in bench.order] == [0, 1, 2]
    assert bench.put_aside() == []


async def test_two_members_of_a_group_share_the_work_and_each_event_counts_once(bench: ConsumerBench) -> None:
    async with running(bench.consumer(), bench.consumer()):
        for batch in range(5):
            bench.send(*(bench.event(f"ord_{number}", batch) for number in range(20)))
        await eventually(lambda: bench.took(100), within=30)
    assert await bench.effects() == 100


async def test_what_does_not_concern_a_service_leaves_no_inbox_row(bench: ConsumerBench) -> None:
    events = bench.events(10)
    bench.send(*events)
    async with running(bench.consumer(Single(bench.effect, lambda event: event.data["number"] % 2 == 0))):
        await eventually(lambda: bench.took(5), within=20)
    assert sorted(number for _, number in bench.order) == [0, 2, 4, 6, 8]
    assert await bench.inbox_rows() == 5
