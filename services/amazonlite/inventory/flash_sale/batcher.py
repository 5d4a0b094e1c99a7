"""Claims on one sale are served in groups: while one group is served, the next one gathers.

No claim waits for company: alone, it is a group of one. Under load the groups grow by themselves, and each costs one
question to the queue and one transaction however many claims it holds. Nobody is answered before all is committed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence

from amazonlite.common.core.errors import DomainError
from amazonlite.common.data.errors import StoreUnavailable
from amazonlite.common.observe.logs import get_logger
from amazonlite.inventory.flash_sale.decide import Claim, Held, Outcome
from amazonlite.inventory.flash_sale.errors import TooManyClaims
from amazonlite.inventory.flash_sale.metrics import CLAIM_GROUP

log = get_logger(__name__)

MAX_GROUP = 200
MAX_WAITING = 2000

Serve = Callable[[str, Sequence[Claim]], Awaitable[list[Outcome]]]


class ClaimBatcher:
    """One lane a sale; ``max_waiting`` bounds each lane, so that a claim is refused rather than answered too late.

    ``serve`` gives an outcome for each claim of a group, in their order, once what it did is committed.
    """

    def __init__(
        self,
        serve: Serve,
        *,
        max_group: int = MAX_GROUP,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        self._serve = serve
        self._max_group = max_group
        self._max_waiting = max_waiting
        self._lanes: dict[str, _Lane] = {}

    async def claim(self, claim: Claim) -> Held:
        """The hold, once committed. A refusal is raised; StoreUnavailable means that the outcome is not known."""
        lane = self._lanes.setdefault(claim.sale_id, _Lane())
        if len(lane.waiting) >= self._max_waiting:
            raise TooManyClaims
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        lane.waiting.append((claim, answer))
        if lane.worker is None:
            lane.worker = asyncio.create_task(self._work(claim.sale_id, lane))
        outcome = await answer
        if isinstance(outcome, DomainError):
            raise outcome
        return outcome

    async def _work(self, sale_id: str, lane: _Lane) -> None:
        try:
            while group := lane.next_group(self._max_group):
                await self._answer_group(sale_id, group)
        finally:
            # No await between the empty lane and here: a claim that comes later starts a worker of its own.
            del self._lanes[sale_id]
            lane.abandon()

    async def _answer_group(self, sale_id: str, group: Sequence[_Waiter]) -> None:
        claims = [claim for claim, _ in group]
        CLAIM_GROUP.observe(len(claims))
        try:
            _answer(group, await self._serve(sale_id, claims))
        except DomainError as error:
            _answer(group, [error] * len(group))
        except Exception as error:
            log.error("claim_group_failed", sale=sale_id, claims=len(claims), error=type(error).__name__)
        finally:
            _answer(group, [_unknown()] * len(group))


_Waiter = tuple[Claim, "asyncio.Future[Outcome]"]


class _Lane:
    def __init__(self) -> None:
        self.waiting: deque[_Waiter] = deque()
        self.worker: asyncio.Task[None] | None = None

    def next_group(self, at_most: int) -> list[_Waiter]:
        """The longest waiting; who has gone away meanwhile is left out."""
        group: list[_Waiter] = []
        while self.waiting and len(group) < at_most:
            waiter = self.waiting.popleft()
            if not waiter[1].done():
                group.append(waiter)
        return group

    def abandon(self) -> None:
        """Nobody is left waiting for a worker that was stopped."""
        _answer(self.waiting, [_unknown()] * len(self.waiting))


def _unknown() -> StoreUnavailable:
    return StoreUnavailable(
        "the outcome of the claim is not known yet", next_step="Repeat the claim with the same Idempotency-Key."
    )


def _answer(group: Iterable[_Waiter], outcomes: Sequence[Outcome]) -> None:
    """The first answer counts."""
    for (_, answer), outcome in zip(group, outcomes, strict=True):
        if not answer.done():
            answer.set_result(outcome)
