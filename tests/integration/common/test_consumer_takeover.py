"""How soon a member's partitions go on after it stopped, was killed, or was paused: on the real broker, with deadlines.

Events go to all partitions, so that all effects are there only when every partition is consumed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from confluent_kafka import KafkaException

from amazonlite.common.core.settings import MysqlSettings
from amazonlite.common.events.group_member import GroupMember
from amazonlite.common.testing.eventually import eventually
from support.consumer_process import ConsumerProcess, consumer_process
from support.consumers import ConsumerBench, running, waits_for_a_lock

pytestmark = pytest.mark.stores

EVENTS = 30  # over three partitions


@pytest.fixture
async def member() -> AsyncIterator[ConsumerProcess]:
    async with consumer_process() as started:
        yield started


async def takes(bench: ConsumerBench, wanted: int, within: float) -> None:
    """Another `EVENTS`, and `wanted` in all."""
    bench.send(*bench.events(EVENTS))
    await eventually(lambda: bench.took(wanted), within=within)


async def test_a_member_that_stops_gracefully_is_replaced_at_once(bench: ConsumerBench) -> None:
    async with running(bench.grouped(instance="first")):
        await takes(bench, EVENTS, within=20)
    async with running(bench.grouped(instance="second")):
        await takes(bench, 2 * EVENTS, within=4)


async def test_a_member_that_stops_gracefully_leaves_its_partitions_to_those_who_stay(bench: ConsumerBench) -> None:
    async with running(bench.grouped(instance="stays")):
        async with running(bench.grouped(instance="stops")):
            await takes(bench, EVENTS, within=20)
        await takes(bench, 2 * EVENTS, within=4)


async def test_a_killed_member_that_starts_again_has_its_partitions_back_before_its_session_ends(
    bench: ConsumerBench, common_mysql: MysqlSettings, member: ConsumerProcess
) -> None:
    async with consumer_process() as killed:
        await killed.consume(bench, common_mysql, instance="same")
        await takes(bench, EVENTS, within=20)
    await member.consume(bench, common_mysql, instance="same")
    await takes(bench, 2 * EVENTS, within=4)  # its session would end 4.5 s after the kill at the earliest


async def test_a_killed_member_is_replaced_by_another_when_its_session_ends(
    bench: ConsumerBench, common_mysql: MysqlSettings, member: ConsumerProcess
) -> None:
    await member.consume(bench, common_mysql, instance="killed")
    await takes(bench, EVENTS, within=20)
    await member.kill()
    async with running(bench.grouped(instance="another")):
        await takes(bench, 2 * EVENTS, within=10)


async def test_a_member_that_was_paused_and_its_successor_count_each_event_once(
    bench: ConsumerBench, common_mysql: MysqlSettings, member: ConsumerProcess
) -> None:
    """The paused one has taken the same events in a transaction that is still open, and commits it afterwards."""
    await member.consume(bench, common_mysql, instance="paused", hold=True)
    bench.send(*bench.events(EVENTS), partition=0)
    await member.says("holding")
    member.pause()
    async with running(bench.grouped(instance="successor")):
        await eventually(lambda: waits_for_a_lock(common_mysql.database), within=30)
        assert await bench.effects() == 0
        member.tell("go on")
        member.go_on()
        await eventually(lambda: bench.took(EVENTS))
        await member.kill()  # or it comes back for its share of the partitions
        bench.send(bench.event("ord_last"), partition=0)
        await eventually(lambda: bench.took(EVENTS + 1), within=30)
    assert await bench.inbox_rows() == EVENTS + 1


async def test_of_two_processes_with_one_instance_id_the_older_ends_with_an_exception(bench: ConsumerBench) -> None:
    older = asyncio.create_task(bench.grouped(instance="same").run())
    await takes(bench, EVENTS, within=20)
    async with running(bench.grouped(instance="same")):
        with pytest.raises(KafkaException, match="fenced"):
            await asyncio.wait_for(older, 10)
        await takes(bench, 2 * EVENTS, within=10)


async def test_a_member_that_lost_its_partitions_and_gets_none_is_opened_anew(bench: ConsumerBench) -> None:
    """As the client tells it when its session ended; what is not told is that the broker forgot its request to join."""
    kafka = bench.kafka.model_copy(update={"instance": "lost"})
    member = GroupMember(kafka, bench.group, [bench.topic], batch=100, poll_seconds=0.2, lost_seconds=0.0)
    await member.open()
    try:
        bench.send(*bench.events(EVENTS))
        await polls(member, EVENTS)
        client = member._kafka
        member._lost(client, [])
        bench.send(*bench.events(EVENTS))
        await polls(member, 2 * EVENTS)  # those of before too: they were not committed
        assert member._kafka is not client
    finally:
        await member.close()


async def polls(member: GroupMember, count: int) -> None:
    async with asyncio.timeout(20):
        while count > 0:
            count -= len(await member.poll())
    assert count == 0
