"""A command with a key takes effect once, also when it is sent twice at the same moment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from amazonlite.common.core.errors import Unavailable
from amazonlite.common.core.settings import MysqlSettings
from amazonlite.common.data.errors import StoreContended
from amazonlite.common.data.idempotency import (
    IdempotencyKeyReused,
    RequestInFlight,
    StoredAnswer,
    fingerprint_of,
    nothing,
    run_idempotent,
)
from amazonlite.common.data.unit_of_work import UnitOfWork, UnitOfWorkFactory, unit_of_work_factory
from amazonlite.common.testing.fakes import FakeClock

pytestmark = pytest.mark.stores

T = TypeVar("T")
Work = Callable[[UnitOfWork], Awaitable[StoredAnswer]]

CLAIM = fingerprint_of("POST", "/api/orders", "usr_1", {"quantity": 1})


class Till:
    """Counts effects inside the transaction, so that a rolled-back one is not counted."""

    def __init__(self, factory: UnitOfWorkFactory) -> None:
        self.factory = factory
        self.clock = FakeClock()

    async def ring(self, key: str = "k1", fingerprint: str = CLAIM) -> StoredAnswer:
        return await self.run(self.effect, key, fingerprint)

    async def run(self, work: Work, key: str = "k1", fingerprint: str = CLAIM) -> StoredAnswer:
        return await self.run_prepared(nothing, lambda uow, _: work(uow), key, fingerprint)

    async def run_prepared(
        self,
        prepare: Callable[[], Awaitable[T]],
        work: Callable[[UnitOfWork, T], Awaitable[StoredAnswer]],
        key: str = "k1",
        fingerprint: str = CLAIM,
    ) -> StoredAnswer:
        return await run_idempotent(
            self.factory, scope="orders", key=key, fingerprint=fingerprint, prepare=prepare, work=work, clock=self.clock
        )

    async def effect(self, uow: UnitOfWork) -> StoredAnswer:
        await uow.execute(text("UPDATE outbox_shard SET fence = fence + 1 WHERE shard = 0"))
        return StoredAnswer(201, {"orderId": "ord_1", "lines": [1, 2]})

    async def effects(self) -> int:
        async with self.factory() as uow:
            return int((await uow.execute(text("SELECT fence FROM outbox_shard WHERE shard = 0"))).scalar_one())


@pytest.fixture
def till(common_mysql: MysqlSettings, engine_for: Callable[[MysqlSettings], AsyncEngine]) -> Till:
    return Till(unit_of_work_factory(engine_for(common_mysql)))


async def test_a_repeat_gets_the_stored_answer(till: Till) -> None:
    first = await till.ring()
    again = await till.ring()
    assert (first.replayed, again.replayed) == (False, True)
    assert (again.status, again.body) == (201, {"orderId": "ord_1", "lines": [1, 2]})
    assert await till.effects() == 1


async def test_another_body_under_the_same_key_is_refused(till: Till) -> None:
    await till.ring()
    with pytest.raises(IdempotencyKeyReused) as refused:
        await till.ring(fingerprint=fingerprint_of("POST", "/api/orders", "usr_1", {"quantity": 2}))
    assert refused.value.status == 422


async def test_another_key_is_another_command(till: Till) -> None:
    await till.ring("k1")
    await till.ring("k2")
    assert await till.effects() == 2


async def test_a_failed_attempt_leaves_no_effect_and_no_claim(till: Till) -> None:
    async def fails(uow: UnitOfWork) -> StoredAnswer:
        await till.effect(uow)
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        await till.run(fails)
    assert await till.effects() == 0
    assert not (await till.ring()).replayed


async def test_what_is_prepared_is_asked_for_once_and_not_for_a_repeat(till: Till) -> None:
    asked: list[str] = []
    contended = [True, False]

    async def prepare() -> int:
        asked.append("price")
        return 1999

    async def work(uow: UnitOfWork, price: int) -> StoredAnswer:
        await till.effect(uow)
        if contended.pop(0):
            raise StoreContended("another transaction won")
        return StoredAnswer(201, {"price": price})

    first = await till.run_prepared(prepare, work)
    again = await till.run_prepared(prepare, work)
    assert (first.body, again.body, again.replayed) == ({"price": 1999}, {"price": 1999}, True)
    assert (asked, await till.effects()) == (["price"], 1)


async def test_a_failed_preparation_leaves_the_key_free(till: Till) -> None:
    async def away() -> None:
        raise Unavailable("the catalogue is away")

    with pytest.raises(Unavailable):
        await till.run_prepared(away, lambda uow, _: till.effect(uow))
    assert not (await till.ring()).replayed


async def test_while_the_first_is_in_flight_a_second_is_told_to_wait(till: Till) -> None:
    started, may_end = asyncio.Event(), asyncio.Event()

    async def slow(uow: UnitOfWork) -> StoredAnswer:
        started.set()
        await may_end.wait()
        return await till.effect(uow)

    first = asyncio.create_task(till.run(slow))
    await started.wait()
    with pytest.raises(RequestInFlight) as refused:
        await till.ring()
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (409, "1")
    may_end.set()
    await first
    assert (await till.ring()).replayed
    assert await till.effects() == 1


async def test_a_crashed_attempt_blocks_no_longer_than_its_lease(till: Till) -> None:
    async def crashes(uow: UnitOfWork) -> StoredAnswer:
        await till.effect(uow)
        raise asyncio.CancelledError  # like a killed process: nothing is cleaned up

    with pytest.raises(asyncio.CancelledError):
        await till.run(crashes)
    with pytest.raises(RequestInFlight):
        await till.ring()
    till.clock.advance(31)
    assert not (await till.ring()).replayed
    assert await till.effects() == 1


async def test_an_attempt_that_lost_its_lease_changes_nothing(till: Till) -> None:
    async def overtaken(uow: UnitOfWork) -> StoredAnswer:
        till.clock.advance(31)
        await till.ring()
        return await till.effect(uow)

    with pytest.raises(RequestInFlight):
        await till.run(overtaken)
    assert await till.effects() == 1
    assert (await till.ring()).replayed


def test_the_order_of_members_does_not_change_a_fingerprint() -> None:
    assert fingerprint_of("POST", "/x", "u", {"a": 1, "b": 2}) == fingerprint_of("POST", "/x", "u", {"b": 2, "a": 1})
    assert fingerprint_of("POST", "/x", "u", {"a": 1}) != fingerprint_of("POST", "/x", "v", {"a": 1})
