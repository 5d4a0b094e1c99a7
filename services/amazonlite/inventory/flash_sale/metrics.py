"""What the operator and the dashboards see of claims; the operator sums these over the pods."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

CLAIM_SECONDS = Histogram(
    "flash_sale_claim_seconds",
    "Time from a claim's arrival to its answer",
    ["sale"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0),
)
CLAIMS = Counter(
    "flash_sale_claims_total",
    "Claims answered: held, replayed, or the code of the refusal",
    ["sale", "outcome"],
)
CLAIM_GROUP = Histogram(
    "flash_sale_claim_group", "Claims committed in one transaction", buckets=(1, 2, 5, 10, 20, 50, 100, 200)
)
