"""Claims gather while a group commits; nobody is answered before the commit, and nobody is left without an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from amazonlite.common.core.money import Money
from amazonlite.common.data.errors import StoreUnavailable
from amazonlite.common.testing.fakes import NEW_YEAR
from amazonlite.inventory.flash_sale.batcher import ClaimBatcher
from amazonlite.inventory.flash_sale.decide import Claim, Held, Outcome
from amazonlite.inventory.flash_sale.errors import SoldOut, TooManyClaims
from amazonlite.inventory.reservations.domain import Line, Reservation, ReservationState


def claim(name: str, sale: str = "fs_1") -> Claim:
    return Claim(sale, name, "k", 1)


def outcome_for(claim: Claim) -> Outcome:
    if claim.customer_id == "late":
        return SoldOut()
    hold = Reservation(claim.customer_id, "ord", ReservationState.HELD, NEW_YEAR, (Line("A", 1),))
    return Held(hold, Money(1, "USD"), new=True)


class Committer:
    """Commits a group whenever the test lets it."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.error: BaseException | None = None
        self._may_commit = asyncio.Semaphore(0)

    async def __call__(self, _sale_id: str, claims: Sequence[Claim]) -> list[Outcome]:
        self.groups.append([claim.customer_id for claim in claims])
        await self._may_commit.acquire()
        if self.error is not None:
            raise self.error
        return [outcome_for(claim) for claim in claims]

    async def commit(self, times: int = 1) -> None:
        for _ in range(times):
            self._may_commit.release()
            await rest()


async def rest() -> None:
    """Lets everything run that can."""
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.fixture
def committer() -> Committer:
    return Committer()


async def claimed(batcher: ClaimBatcher, *names: str, sale: str = "fs_1") -> list[asyncio.Task[Held]]:
    tasks = [asyncio.create_task(batcher.claim(claim(name, sale))) for name in names]
    await rest()
    return tasks


async def test_a_lone_claim_does_not_wait_for_company(committer: Committer) -> None:
    [answer] = await claimed(ClaimBatcher(committer), "a")
    assert committer.groups == [["a"]]
    await committer.commit()
    assert (await answer).hold.id == "a"


async def test_claims_gather_while_a_group_commits(committer: Committer) -> None:
    batcher = ClaimBatcher(committer, max_group=3)
    await claimed(batcher, "a")
    answers = await claimed(batcher, "b", "c", "d", "e")
    await committer.commit(3)
    assert committer.groups == [["a"], ["b", "c", "d"], ["e"]]
    assert [(await answer).hold.id for answer in answers] == ["b", "c", "d", "e"]


async def test_nobody_is_answered_before_the_commit(committer: Committer) -> None:
    [answer] = await claimed(ClaimBatcher(committer), "a")
    assert not answer.done()
    await committer.commit()
    assert answer.done()


async def test_each_gets_the_answer_to_their_own_claim(committer: Committer) -> None:
    answers = await claimed(ClaimBatcher(committer), "a", "late", "b")
    await committer.commit(2)
    assert (await answers[0]).hold.id == "a"
    with pytest.raises(SoldOut):
        await answers[1]
    assert (await answers[2]).hold.id == "b"


async def test_sales_do_not_wait_for_each_other(committer: Committer) -> None:
    batcher = ClaimBatcher(committer)
    await claimed(batcher, "a", sale="fs_1")
    await claimed(batcher, "b", sale="fs_2")
    assert committer.groups == [["a"], ["b"]]
    await committer.commit(2)


async def test_more_than_can_be_answered_in_time_are_refused_at_once(committer: Committer) -> None:
    batcher = ClaimBatcher(committer, max_waiting=2)
    answers = await claimed(batcher, "a") + await claimed(batcher, "b", "c")
    with pytest.raises(TooManyClaims):
        await batcher.claim(claim("d"))
    await committer.commit(2)
    assert all([await answer for answer in answers])


@pytest.mark.parametrize("error", [StoreUnavailable("away"), RuntimeError("a bug")])
async def test_a_failed_group_is_told_that_nobody_knows_and_the_next_goes_on(
    committer: Committer, error: Exception
) -> None:
    batcher = ClaimBatcher(committer)
    failed = await claimed(batcher, "a")
    waiting = await claimed(batcher, "b")
    committer.error = error
    await committer.commit()
    with pytest.raises(StoreUnavailable):
        await failed[0]
    committer.error = None
    await committer.commit()
    assert (await waiting[0]).hold.id == "b"


async def test_who_has_gone_away_is_not_served(committer: Committer) -> None:
    batcher = ClaimBatcher(committer)
    await claimed(batcher, "a")
    [gone, _] = await claimed(batcher, "b", "c")
    gone.cancel()
    await committer.commit(2)
    assert committer.groups == [["a"], ["c"]]


async def test_nobody_waits_for_a_worker_that_was_stopped(committer: Committer) -> None:
    batcher = ClaimBatcher(committer)
    answers = await claimed(batcher, "a") + await claimed(batcher, "b")
    worker = batcher._lanes["fs_1"].worker
    assert worker is not None
    worker.cancel()
    for answer in answers:
        with pytest.raises(StoreUnavailable):
            await answer
    [again] = await claimed(batcher, "c")
    await committer.commit()
    assert (await again).hold.id == "c"
