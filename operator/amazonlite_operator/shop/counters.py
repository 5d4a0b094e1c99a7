"""What the pods of a service counted over a window, from counters that each of them exports.

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

from amazonlite_operator.shop.scrape import PodScraper

_LINE = re.compile(r"^(\w+)\{([^}]*)\} ([0-9.eE+]+)")
_LABEL = re.compile(r'(\w+)="([^"]*)"')

# Series of one pod: (metric, the value of the label that tells its series apart) -> count.
Counters = dict[tuple[str, str], float]


@dataclass(frozen=True, slots=True)
class Selection:
    """`metrics` names the label that tells a metric's series apart (`le` of a histogram's buckets).

    Only lines whose `label` has the value asked for are read.
    """

    metrics: Mapping[str, str]
    label: str

    def parse(self, page: str, value: str) -> Counters:
        """Out of a pod's /metrics."""
        names, found = tuple(self.metrics), Counters()
        for line in page.splitlines():
            if not line.startswith(names) or (match := _LINE.match(line)) is None or match[1] not in self.metrics:
                continue
            labels = dict(_LABEL.findall(match[2]))
            if labels.get(self.label) == value:
                found[match[1], labels.get(self.metrics[match[1]], "")] = float(match[3])
        return found


class PodCounters:
    """`scrape`: counters by pod uid, of the pods of one app that answer."""

    def __init__(self, pods: PodScraper, app: str, selection: Selection) -> None:
        self._pods = pods
        self._app = app
        self._selection = selection

    async def scrape(self, namespace: str, value: str) -> dict[str, Counters]:
        pages = await self._pods.scrape(namespace, self._app)
        return {pod: self._selection.parse(page, value) for pod, page in pages.items()}


@dataclass(slots=True)
class Samples:
    """The scrapes of one window, in memory only: after a restart nothing is known until enough was counted again."""

    _scrapes: deque[tuple[datetime, Mapping[str, Counters]]] = field(default_factory=deque)

    def add(self, at: datetime, pods: Mapping[str, Counters], keep: timedelta) -> None:
        self._scrapes.append((at, pods))
        while len(self._scrapes) > 2 and self._scrapes[1][0] <= at - keep:
            self._scrapes.popleft()

    def increase(self, since: datetime) -> Counters:
        """What all pods added, not counting what was before `since`."""
        scrapes = [pods for at, pods in self._scrapes if at >= since]
        added: Counters = {}
        for pod in {pod for pods in scrapes for pod in pods}:
            for older, newer in pairwise(pods[pod] for pods in scrapes if pod in pods):
                for series, count in _added(older, newer):
                    added[series] = added.get(series, 0.0) + count
        return added


def _added(older: Counters, newer: Counters) -> Iterable[tuple[tuple[str, str], float]]:
    """What one pod added between two scrapes. It restarted if any of its series went down: all of them began again."""
    restarted = any(newer.get(series, 0.0) < count for series, count in older.items())
    for series, count in newer.items():
        yield series, count if restarted else count - older.get(series, 0.0)


def quantile(q: float, cumulative: Mapping[float, float]) -> float:
    """As Prometheus estimates it: linear within the bucket; above the last finite bound it is infinite."""
    bounds = sorted(cumulative)
    rank, below, lower = q * cumulative[bounds[-1]] if bounds else 0.0, 0.0, 0.0
    for bound in bounds:
        if cumulative[bound] >= rank and cumulative[bound] > below:
            return lower + (bound - lower) * (rank - below) / (cumulative[bound] - below)
        below, lower = cumulative[bound], bound
    return 0.0
