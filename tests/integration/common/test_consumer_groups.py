"""Grouped consumption against the real database and broker: many events a transaction, none doubled, none lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from amazonlite.common.core import context
from amazonlite.common.core.errors import Conflict
from amazonlite.common.core.event import Event
from amazonlite.common.core.settings import MysqlSettings
from amazonlite.common.data.unit_of_work import UnitOfWork, unit_of_work_factory
from amazonlite.common.events.envelope import encode
from amazonlite.common.events.handlers import Grouped
from amazonlite.common.testing.eventually import eventually
from support.consumers import AwayAtFirst, ConsumerBench, running

pytestmark = pytest.mark.stores


async def test_events_of_many_aggregates_share_transactions(bench: ConsumerBench) -> None:
    bench.send(*bench.events(60))
    async with running(bench.grouped()):
        await eventually(lambda: bench.took(60), within=20)
    assert len(bench.groups) < 30
    assert await bench.inbox_rows() == 60


async def test_an_aggregates_events_stay_in_order_and_no_group_holds_two(bench: ConsumerBench) -> None:
    subjects = [f"ord_{number}" for number in range(10)]
    bench.send(*(bench.event(subject, number) for number in range(6) for subject in subjects))
    async with running(bench.grouped()):
        await eventually(lambda: bench.took(60), within=20)
    for subject in subjects:
        assert [number for of, number in bench.order if of == subject] == list(range(6))
    for group in bench.groups:
        assert len({event.subject for event in group}) == len(group)


async def test_one_poison_event_takes_no_other_of_its_group_along(bench: ConsumerBench) -> None:
    events = bench.events(20)
    poison = events[10]
    correlations: set[tuple[str, str]] = set()

    async def refuses_poison(uow: UnitOfWork, group: Sequence[Event]) -> None:
        subject = group[0].subject if len(group) == 1 else "many"
        correlations.add((subject, context.correlation_id.get()))
        await bench.group_effect(uow, group)
        if poison in group:
            raise Conflict("never in this state")

    bench.send(*events, partition=0)
    async with running(bench.consumer(Grouped(refuses_poison))):
        await eventually(lambda: bench.took(19), within=20)
        # The last try is followed by the dead letter: until it is there, the event is not done.
        dead = await eventually(lambda: asyncio.to_thread(bench.put_aside), within=20)
    assert bench.groups.count([poison]) == 3
    assert next(len(group) for group in bench.groups if poison in group) > 1
    assert ("many", "") in correlations
    assert all(correlation == f"cor-{subject}" for subject, correlation in correlations if subject != "many")
    [(key, value, headers)] = dead
    assert (key, value, headers["tries"]) == (poison.subject.encode(), encode(poison), "3")
    assert (headers["error"], headers["origin"]) == ("Conflict: conflict", "here")
    assert await bench.inbox_rows() == 19


async def test_a_repeat_inside_one_batch_takes_effect_once(bench: ConsumerBench) -> None:
    events = bench.events(10)
    bench.send(*events, *events, bench.event("ord_last"), partition=0)
    async with running(bench.grouped()):
        await eventually(lambda: any(subject == "ord_last" for subject, _ in bench.order), within=20)
        await eventually(lambda: bench.took(11))
    assert set(bench.calls.values()) == {1}


async def test_only_the_new_ones_of_a_group_are_handled(bench: ConsumerBench) -> None:
    bench.send(*bench.events(10))
    async with running(bench.grouped()):
        await eventually(lambda: bench.took(10), within=20)
    bench.send(*bench.events(10))
    bench.read_again()
    async with running(bench.grouped()):
        await eventually(lambda: bench.took(20), within=20)
    assert set(bench.calls.values()) == {1}
    assert await bench.inbox_rows() == 20


async def test_while_the_database_refuses_connections_groups_wait(
    bench: ConsumerBench, common_mysql: MysqlSettings, engine_for: Callable[[MysqlSettings], AsyncEngine]
) -> None:
    away = unit_of_work_factory(engine_for(common_mysql.model_copy(update={"port": 1})))
    factory = AwayAtFirst(4, away, unit_of_work_factory(bench.engine))
    bench.send(*(bench.event(f"ord_{subject}", number) for number in range(3) for subject in range(5)))
    async with running(bench.grouped(factory)):
        await eventually(lambda: bench.took(15), within=20)
    assert factory.asked > 4
    for subject in range(5):
        assert [number for of, number in bench.order if of == f"ord_{subject}"] == [0, 1, 2]
    assert bench.put_aside() == []


async def test_a_database_lost_in_the_middle_of_a_group_undoes_it_and_it_is_read_again(bench: ConsumerBench) -> None:
    lost = 0

    async def loses_the_first(uow: UnitOfWork, group: Sequence[Event]) -> None:
        nonlocal lost
        await bench.group_effect(uow, group)
        if not lost:
            lost = len(group)
            await uow.execute(text("KILL CONNECTION_ID()"))

    bench.send(*bench.events(20), partition=0)
    async with running(bench.consumer(Grouped(loses_the_first))):
        await eventually(lambda: bench.took(20), within=20)
    assert lost
    assert sum(bench.calls.values()) == 20 + lost
    assert bench.put_aside() == []


async def test_two_members_with_grouped_handlers_count_each_event_once(bench: ConsumerBench) -> None:
    async with running(bench.grouped(), bench.grouped()):
        for batch in range(5):
            bench.send(*(bench.event(f"ord_{number}", batch) for number in range(20)))
        await eventually(lambda: bench.took(100), within=30)
    assert await bench.inbox_rows() == 100
