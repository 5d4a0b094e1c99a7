from __future__ import annotations

from collections import Counter

import pytest

from amazonlite.common.data.errors import StoreContended, StoreUnavailable
from amazonlite.common.data.unit_of_work import UnitOfWork, in_transaction, shard_of


class Remembering(UnitOfWork):
    """A transaction without a database."""

    def __init__(self, log: list[str]) -> None:
        self.log = log

    async def __aenter__(self) -> UnitOfWork:
        self.log.append("begin")
        return self

    async def __aexit__(self, *_: object) -> None:
        self.log.append("end")

    async def commit(self) -> None:
        self.log.append("commit")


async def test_work_is_committed_at_its_end() -> None:
    log: list[str] = []

    async def work(_: UnitOfWork) -> int:
        log.append("work")
        return 42

    assert await in_transaction(lambda: Remembering(log), work) == 42
    assert log == ["begin", "work", "commit", "end"]


async def test_contention_runs_everything_again_a_few_times() -> None:
    log: list[str] = []

    async def work(_: UnitOfWork) -> None:
        raise StoreContended("deadlock")

    with pytest.raises(StoreContended):
        await in_transaction(lambda: Remembering(log), work, attempts=3)
    assert log == ["begin", "end"] * 3


async def test_a_lost_connection_is_not_retried_because_the_commit_may_have_happened() -> None:
    log: list[str] = []

    async def work(_: UnitOfWork) -> None:
        raise StoreUnavailable("lost")

    with pytest.raises(StoreUnavailable):
        await in_transaction(lambda: Remembering(log), work)
    assert log == ["begin", "end"]


def test_aggregates_spread_over_all_shards() -> None:
    spread = Counter(shard_of(f"ord_{number}") for number in range(16_000))
    assert set(spread) == set(range(16))
    assert max(spread.values()) < 1_300
