"""A rush of refusals is told by a few lines and a count, so that the log stays readable and costs the rush nothing."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from time import monotonic

from prometheus_client import Counter

WITHHELD = Counter(
    "log_lines_withheld_total", "Lines not logged, because lines alike were logged a moment before", ["event"]
)
MOST_KINDS = 1000


class Sampler:
    """Of each kind `burst` lines at once, then `per_second`; what is withheld is counted and told by the next line."""

    def __init__(
        self, event: str, *, burst: int = 10, per_second: float = 1.0, now: Callable[[], float] = monotonic
    ) -> None:
        self._burst, self._rate, self._now = burst, per_second, now
        self._withheld_total = WITHHELD.labels(event)
        self._full_at: dict[Hashable, float] = {}
        self._withheld: dict[Hashable, int] = {}

    def admit(self, kind: Hashable) -> int | None:
        """How many lines of the kind were withheld since its last one; None: withhold this one too."""
        now = self._now()
        full_at = max(self._full_at.get(kind, 0.0), now) + 1 / self._rate
        if full_at - now > self._burst / self._rate + 1e-6:
            self._withheld[kind] = self._withheld.get(kind, 0) + 1
            self._withheld_total.inc()
            return None
        if len(self._full_at) >= MOST_KINDS:
            self._full_at.clear()
        self._full_at[kind] = full_at
        return self._withheld.pop(kind, 0)
