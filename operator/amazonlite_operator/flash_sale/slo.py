"""How claims went over the last window, from the counters of all inventory pods."""

from __future__ import annotations

from datetime import timedelta

from amazonlite_operator.flash_sale.spec import Objective
from amazonlite_operator.flash_sale.status import Slo, Verdict
from amazonlite_operator.shop.counters import Counters, Selection, quantile

# Outcomes that are the shop's fault; being sold out or not admitted is a correct answer.
FAULTS = frozenset({"internal_error", "queue_unavailable", "store_unavailable", "too_many_claims"})

_BUCKET, _CLAIMS = "flash_sale_claim_seconds_bucket", "flash_sale_claims_total"
CLAIMS = Selection({_BUCKET: "le", _CLAIMS: "outcome"}, label="sale")


def measure(objective: Objective, added: Counters) -> Slo:
    outcomes = {label: count for (name, label), count in added.items() if name == _CLAIMS}
    samples = sum(outcomes.values())
    if samples < objective.min_samples:
        return Slo(samples=round(samples))
    faults = sum(count for outcome, count in outcomes.items() if outcome in FAULTS)
    success_rate = 1 - faults / samples
    p95 = quantile(0.95, {float(label): count for (name, label), count in added.items() if name == _BUCKET})
    met = success_rate >= objective.success_rate and p95 <= objective.p95 / timedelta(seconds=1)
    return Slo(
        p95_ms=round(min(p95, 3600.0) * 1000),
        success_rate=round(success_rate, 5),
        samples=round(samples),
        verdict=Verdict.PASS if met else Verdict.FAIL,
    )
