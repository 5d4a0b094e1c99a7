"""How claims went over the last window, from the counters of all inventory pods.

Counters only grow, except that a restarted pod begins again at zero: then what it shows is what it added. What a pod
shows first is where its counting begins, and what it adds counts from the last scrape that it answered, as Prometheus'
increase() does: neither a missed scrape nor a pod seen for the first time brings its history into the measurement.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from amazonlite_operator.flash_sale.spec import Objective
from amazonlite_operator.flash_sale.status import Slo, Verdict
from amazonlite_operator.shop.scrape import PodScraper

# Outcomes that are the shop's fault; being sold out or not admitted is a correct answer.
FAULTS = frozenset({"internal_error", "queue_unavailable", "store_unavailable", "too_many_claims"})

_BUCKET, _CLAIMS = "flash_sale_claim_seconds_bucket", "flash_sale_claims_total"
_LINE = re.compile(r"^(\w+)\{([^}]*)\} ([0-9.eE+]+)")
_LABEL = re.compile(r'(\w+)="([^"]*)"')

# Series of one pod: (metric, its bucket's bound or its outcome) -> count.
Counters = dict[tuple[str, str], float]


def parse(text: str, sale_id: str) -> Counters:
    """The claim series of one sale out of a pod's /metrics."""
    found: Counters = {}
    for line in text.splitlines():
        if not line.startswith("flash_sale_claim") or (match := _LINE.match(line)) is None:
            continue
        name, labels = match[1], dict(_LABEL.findall(match[2]))
        if labels.get("sale") == sale_id and name in (_BUCKET, _CLAIMS):
            found[name, labels.get("le") or labels.get("outcome", "")] = float(match[3])
    return found


class ClaimCounters:
    """The claim series of a sale by inventory pod."""

    def __init__(self, pods: PodScraper) -> None:
        self._pods = pods

    async def scrape(self, namespace: str, sale_id: str) -> dict[str, Counters]:
        pages = await self._pods.scrape(namespace, "inventory")
        return {pod: parse(page, sale_id) for pod, page in pages.items()}


@dataclass(slots=True)
class Sampler:
    """The scrapes of one sale, in memory only: after a restart there is no verdict until enough claims were seen."""

    _scrapes: deque[tuple[datetime, Mapping[str, Counters]]] = field(default_factory=deque)

    def add(self, at: datetime, pods: Mapping[str, Counters], keep: timedelta) -> None:
        self._scrapes.append((at, pods))
        while len(self._scrapes) > 2 and self._scrapes[1][0] <= at - keep:
            self._scrapes.popleft()

    def measure(self, objective: Objective, since: datetime) -> Slo:
        """Over slo.window, but not before `since`: what was before a change says nothing about it."""
        scrapes = [pods for at, pods in self._scrapes if at >= since]
        added: Counters = {}
        for pod in {pod for pods in scrapes for pod in pods}:
            for older, newer in pairwise(pods[pod] for pods in scrapes if pod in pods):
                for series, count in _added(older, newer):
                    added[series] = added.get(series, 0.0) + count
        return _judge(objective, added)


def _added(older: Counters, newer: Counters) -> Iterable[tuple[tuple[str, str], float]]:
    """What one pod added between two scrapes. It restarted if any of its series went down: all of them began again."""
    restarted = any(newer.get(series, 0.0) < count for series, count in older.items())
    for series, count in newer.items():
        yield series, count if restarted else count - older.get(series, 0.0)


def _judge(objective: Objective, added: Counters) -> Slo:
    outcomes = {label: count for (name, label), count in added.items() if name == _CLAIMS}
    samples = sum(outcomes.values())
    if samples < objective.min_samples:
        return Slo(samples=round(samples))
    faults = sum(count for outcome, count in outcomes.items() if outcome in FAULTS)
    success_rate = 1 - faults / samples
    p95 = _quantile(0.95, {float(label): count for (name, label), count in added.items() if name == _BUCKET})
    met = success_rate >= objective.success_rate and p95 <= objective.p95 / timedelta(seconds=1)
    return Slo(
        p95_ms=round(min(p95, 3600.0) * 1000),
        success_rate=round(success_rate, 5),
        samples=round(samples),
        verdict=Verdict.PASS if met else Verdict.FAIL,
    )


def _quantile(q: float, cumulative: Mapping[float, float]) -> float:
    """As Prometheus estimates it: linear within the bucket; above the last finite bound it is infinite."""
    bounds = sorted(cumulative)
    rank, below, lower = q * cumulative[bounds[-1]] if bounds else 0.0, 0.0, 0.0
    for bound in bounds:
        if cumulative[bound] >= rank and cumulative[bound] > below:
            return lower + (bound - lower) * (rank - below) / (cumulative[bound] - below)
        below, lower = cumulative[bound], bound
    return 0.0
