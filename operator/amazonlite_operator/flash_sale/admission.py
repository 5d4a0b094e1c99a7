"""How many shoppers get in: as the spec says, halved on a breach, a tenth given back a window while claims are well."""

from __future__ import annotations

from amazonlite_operator.flash_sale.observation import SaleObservation
from amazonlite_operator.flash_sale.spec import OnBreach
from amazonlite_operator.flash_sale.status import Verdict


def next_admission(o: SaleObservation) -> tuple[int, int]:
    """(maxActive, ratePerSecond) inventory should have now."""
    asked, given = o.spec.admission, o.status.admission
    if given is None or given.asked_rate != asked.rate_per_second:
        return asked.max_active, asked.rate_per_second  # a new wish of a person ends a throttle
    return asked.max_active, _next_rate(o, given.rate_per_second)


def throttled(o: SaleObservation) -> bool:
    return o.status.admission is not None and o.status.admission.rate_per_second < o.spec.admission.rate_per_second


def _next_rate(o: SaleObservation, rate: int) -> int:
    given, full = o.status.admission, o.spec.admission.rate_per_second
    if o.spec.slo is None or given is None or o.now < given.changed_at + o.spec.slo.window:
        return rate
    if o.slo.verdict is Verdict.FAIL:
        return max(1, rate // 2) if o.spec.on_breach is OnBreach.THROTTLE else rate
    return min(full, rate + max(1, full // 10))
