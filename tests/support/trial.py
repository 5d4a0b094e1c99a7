"""A sale under faults: run to its end, judged by every rule, and timed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from amazonlite.common.testing.eventually import eventually
from support.faults.fault import Kind
from support.faults.inject import Injection, Injector
from support.history.check import Evidence, anomalies, paid_lost
from support.history.pace import Pace, longest_not_ready, pace_after
from support.rush import GAP_SECONDS, Ended, Running, Rush, assert_kept, run_rush
from support.sales import FlashSales
from support.shop import Shop

# A store that was killed or away has to recover its data before the tables can be seen again.
RECOVERY_SECONDS = 15.0
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
    def pace(self) -> Pace:
        """How soon it sold again after the last fault; nothing to wait for where nothing struck."""
        since = max((injection.over for injection in self.injections), default=float("inf"))
        until = min(self.ended.samples.last_free, self.ended.closes)
        return pace_after(self.evidence.history, self.evidence.rows, since=since, until=until)

    @property
    def unseen_allowed(self) -> float:
        """For how long its tables may have been out of sight."""
        database = [injection.fault for injection in self.injections if "mysql" in injection.fault.targets]
        seen_away = [f.seconds + RECOVERY_SECONDS for f in database if f.kind is not Kind.CUT]
        return GAP_SECONDS + max(seen_away, default=0.0)

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
            "claims again": round(self.pace.claims, 1),
            "confirmed after": round(self.pace.confirmations, 1),
            "not ready": round(longest_not_ready(history), 1),
            "unpaid late": round(self.ended.samples.most_late, 1),
            "gap": round(self.ended.samples.longest_gap, 1),
            "unseen": round(self.ended.samples.longest_unseen, 1),
            "struck": [str(injection) for injection in self.injections],
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


async def assert_no_order_lost(shop: Shop, trial: Trial, *, selling_within: float) -> None:
    """All that was promised to shoppers was kept, and after the last fault the sale went on soon enough."""
    lost = paid_lost(trial.evidence)
    assert not lost, f"{len(lost)} of {len(trial.evidence.history.authorized)} paid orders lost: {lost[:5]}"
    assert all(injection.free for injection in trial.injections)
    await assert_kept(shop, trial.rush, trial.ended, unseen=trial.unseen_allowed)
    again = trial.pace.seconds_until_selling_again
    assert again <= selling_within, f"selling again after {again:.1f} s: {trial.pace}"
