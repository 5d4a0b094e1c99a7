"""A sale under faults: run to its end, judged by every rule, and timed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from amazonlite.common.testing.eventually import eventually
from support.faults.fault import Fault, FaultKind
from support.faults.inject import Injection, Injector
from support.history.check import Evidence, anomalies, paid_lost
from support.history.pace import Pace, longest_not_ready, pace_after
from support.rush import GAP_SECONDS, Ended, Running, Rush, assert_kept, run_rush
from support.sales import FlashSales
from support.shop import Shop

# A store that was killed or away has to recover its data before the tables can be seen again.
RECOVERY_SECONDS = 15.0
SHOWS_SALES = frozenset({"gateway", "inventory", "mysql", "redis"})
NOT_READY_SECONDS = 2.0
CALM_SECONDS = 10.0
Disturb = Callable[[Injector], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Trial:
    """A sale that is over and what struck it."""

    rush: Rush
    ended: Ended
    injections: list[Injection]

    @property
    def evidence(self) -> Evidence:
        return self.ended.evidence

    @property
    def paces(self) -> list[Pace]:
        """How soon it sold again after each fault."""
        struck = [injection.at for injection in self.injections[1:]] + [float("inf")]
        return [
            pace_after(
                self.evidence.history,
                self.evidence.rows,
                since=injection.over,
                until=self.ended.closes,
                next_fault=next_fault,
            )
            for injection, next_fault in zip(self.injections, struck, strict=False)
        ]

    @property
    def pace(self) -> Pace:
        """How soon it sold again after the last fault; nothing to wait for where nothing struck."""
        return self.paces[-1] if self.injections else Pace(0.0, 0.0)

    @property
    def calm(self) -> float:
        """For how many seconds the sale was open after the last fault, so that it could be seen to sell again."""
        return self.ended.closes - self.injections[-1].over if self.injections else self.rush.lasts

    @property
    def not_ready(self) -> float:
        """For how many seconds somebody who holds units was told that the order is not ready to be paid."""
        return longest_not_ready(self.evidence.history)

    @property
    def unseen_allowed(self) -> float:
        """For how long its tables may have been out of sight."""
        faults = [injection.fault for injection in self.injections]
        return self._silence(f for f in faults if "mysql" in f.targets and f.kind is not FaultKind.CUT)

    @property
    def unviewed_allowed(self) -> float:
        """For how long the shop may not have shown it."""
        faults = [injection.fault for injection in self.injections]
        return self._silence(fault for fault in faults if not SHOWS_SALES.isdisjoint(fault.targets))

    @staticmethod
    def _silence(faults: Iterable[Fault]) -> float:
        return GAP_SECONDS + max((fault.seconds + RECOVERY_SECONDS for fault in faults), default=0.0)

    @property
    def figures(self) -> dict[str, Any]:
        """One line for a person who watches."""
        history = self.evidence.history
        return {
            "acknowledged": len(history.holds),
            "paid": len(history.authorized),
            "lost": len(paid_lost(self.evidence)),
            "sold": self.evidence.rows.sale.sold,
            "anomalies": len(anomalies(self.evidence)),
            "not ready": round(self.not_ready, 1),
            "unpaid late": round(self.ended.samples.most_late, 1),
            "gap": round(self.ended.samples.longest_gap, 1),
            "unseen": round(self.ended.samples.longest_unseen, 1),
            "unviewed": round(self.ended.samples.longest_unviewed, 1),
            "struck": [f"{struck}: {pace}" for struck, pace in zip(self.injections, self.paces, strict=True)],
            "shoppers": {str(outcome): count for outcome, count in self.ended.tally.outcomes.items()},
        }


async def run_trial(shop: Shop, sales: FlashSales, rush: Rush, disturb: Disturb, *, once_held: int = 1) -> Trial:
    """The sale to its end; ``disturb`` begins once that many units have been held."""
    injections: list[Injection] = []
    await shop.answering()

    async def fault(running: Running) -> None:
        injector = Injector(running.sale, running.samples, running.history, injections=injections)
        enough = f"{once_held} units held"
        await eventually(lambda: len(running.history.holds) >= once_held, within=60, every=0.05, what=enough)
        await disturb(injector)

    trial = Trial(rush, await run_rush(shop, sales, rush, fault), injections)
    print(trial.figures)
    return trial


async def assert_no_order_lost(shop: Shop, trial: Trial) -> None:
    """All that was promised to shoppers was kept."""
    lost = paid_lost(trial.evidence)
    assert not lost, f"{len(lost)} of {len(trial.evidence.history.authorized)} paid orders lost: {lost[:5]}"
    assert trial.calm >= CALM_SECONDS, f"the window closed {trial.calm:.1f} s after the last fault: nothing to be seen"
    assert trial.not_ready <= NOT_READY_SECONDS, trial.not_ready
    await assert_kept(shop, trial.rush, trial.ended, unseen=trial.unseen_allowed, unviewed=trial.unviewed_allowed)


def assert_sold_again(trial: Trial, within: Callable[[Fault], Pace]) -> None:
    """After each fault units were claimed, and what had been paid was confirmed, within so many seconds."""
    late = [
        f"{injection}: {pace}"
        for injection, pace in zip(trial.injections, trial.paces, strict=True)
        if not pace.is_within(within(injection.fault))
    ]
    assert not late, "\n".join(late)
