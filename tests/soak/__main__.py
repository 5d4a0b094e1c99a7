"""Random schedules of faults, one after the other, each under a sale of its own; writes .local/soak.json.

    python -m soak [SCHEDULES] [SECONDS_EACH] [SEED]

The seeds are SEED, SEED + 1 and so on; without one they begin at random. Exit status 0 only when no history has an
anomaly and every sale sold again within 20 s of its last fault.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from amazonlite_cli.paths import HOME
from support.cluster import Cluster
from support.faults.inject import healed
from support.faults.node import Node
from support.faults.schedule import Schedule
from support.history.check import anomalies, paid_lost
from support.sales import FlashSales
from support.sharing import ClusterLock
from support.shop import Shop, open_shop
from support.soak import SELLING_WITHIN, run_schedule
from support.trial import Trial, assert_no_order_lost

RESULTS = Path(".local/soak.json")


@dataclass(frozen=True, slots=True)
class Wanted:
    """How many schedules, of how many seconds each, beginning with which seed."""

    schedules: int
    seconds: float
    seed: int

    @classmethod
    def of(cls, words: list[str]) -> Wanted:
        schedules, seconds, seed = [*words, "", "", ""][:3]
        return cls(int(schedules or 20), float(seconds or 300), int(seed or random.randrange(2**31)))


async def soak(wanted: Wanted) -> list[dict[str, Any]]:
    """A result for each schedule; written down after each, so that what is stopped half way is not lost."""
    results: list[dict[str, Any]] = []
    for number in range(wanted.schedules):
        schedule = Schedule.random(wanted.seed + number, wanted.seconds)
        print(f"\n[{number + 1} of {wanted.schedules}] {schedule}", flush=True)
        results.append(await _one(schedule))
        _write(results)
    return results


def _write(results: list[dict[str, Any]]) -> None:
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    print({name: value for name, value in results[-1].items() if name != "faults"}, flush=True)


async def _one(schedule: Schedule) -> dict[str, Any]:
    sales = FlashSales()
    cluster, node = Cluster(), Node()
    try:
        async with open_shop() as shop:
            await healed(cluster, node)
            trial = await run_schedule(shop, sales, schedule)
            return _result(schedule, trial, await _found(shop, trial))
    except Exception as error:  # the schedules after this one are still wanted
        print(f"  anomaly: {error!r}", flush=True)
        return _unfinished(schedule)
    finally:
        await _cleared(cluster, node, sales)


async def _cleared(cluster: Cluster, node: Node, sales: FlashSales) -> None:
    """What cannot be mended now is tried again before the next schedule, which says so if it cannot be then."""
    with contextlib.suppress(AssertionError):
        await healed(cluster, node)
    await sales.remove_all()


async def _found(shop: Shop, trial: Trial) -> list[str]:
    """Every anomaly of the history, or else the first of the other rules that any sale has to keep and did not."""
    found = [*map(str, anomalies(trial.evidence))]
    try:
        await assert_no_order_lost(shop, trial)
    except AssertionError as error:
        return found or [str(error)]
    return found


def _result(schedule: Schedule, trial: Trial, found: list[str]) -> dict[str, Any]:
    if found:
        _keep(schedule, trial, found)
    return {
        "seed": schedule.seed,
        "faults": [str(injection) for injection in trial.injections],
        "acknowledged": len(trial.evidence.history.holds),
        "paid": len(trial.evidence.history.authorized),
        "paidLost": len(paid_lost(trial.evidence)),
        "anomalies": len(found),
        "secondsUntilSellingAgain": round(trial.pace.seconds_until_selling_again, 1),
    }


def _unfinished(schedule: Schedule) -> dict[str, Any]:
    """Of a sale that did not get to its end: an anomaly by itself, and nothing is known of the rest."""
    unknown = dict.fromkeys(("acknowledged", "paid", "paidLost", "secondsUntilSellingAgain"))
    faults = [str(timed.fault) for timed in schedule.faults]
    return {"seed": schedule.seed, "faults": faults, "anomalies": 1, **unknown}


def _keep(schedule: Schedule, trial: Trial, found: list[str]) -> None:
    """The whole history of a sale that broke a rule, beside the results."""
    print("\n".join(f"  anomaly: {each}" for each in found[:20]), flush=True)
    evidence = {
        "anomalies": found,
        "injections": [asdict(injection) for injection in trial.injections],
        "history": [asdict(operation) for operation in trial.evidence.history.operations],
        "rows": asdict(trial.evidence.rows),
    }
    path = RESULTS.with_name(f"soak-{schedule.seed}.json")
    path.write_text(json.dumps(evidence, indent=1, default=str) + "\n")
    print(f"  the whole history: {path}", flush=True)


def passed(result: dict[str, Any]) -> bool:
    """Whether the sale had no anomaly, paid orders lost being one, and went on soon enough."""
    return not result["anomalies"] and result["secondsUntilSellingAgain"] <= SELLING_WITHIN


def main() -> int:
    with ClusterLock(HOME).held(alone=True):
        results = asyncio.run(soak(Wanted.of(sys.argv[1:])))
    bad = [result["seed"] for result in results if not passed(result)]
    print(
        f"\n{len(results) - len(bad)} of {len(results)} schedules passed; {RESULTS}", f"failed seeds: {bad}" * bool(bad)
    )
    return 1 if bad or not results else 0


if __name__ == "__main__":
    sys.exit(main())
