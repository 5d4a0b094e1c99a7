"""The terms a sale, or its rehearsal, is given to inventory with."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from amazonlite.common.core.clock import iso
from amazonlite_operator.flash_sale.observation import SaleObservation


def sale_body(o: SaleObservation, *, rehearsal: bool) -> dict[str, Any]:
    """The terms inventory is given; the same for every repetition of the step."""
    spec, window = o.spec, o.spec.window
    start, end = window.start, window.end
    if rehearsal and o.status.rehearsal is not None:
        start, end = o.status.rehearsal.started_at, o.status.rehearsal.deadline
    return {
        "name": o.name,
        "sku": spec.sku,
        "quantity": spec.quantity,
        "unitPrice": {"amount": spec.price.amount, "currency": spec.price.currency},
        "window": {"start": iso(start), "end": iso(end)},
        "perCustomerLimit": spec.per_customer_limit,
        "holdTtlSeconds": round(spec.hold_ttl / timedelta(seconds=1)),
        "admission": {
            "maxActive": spec.admission.max_active,
            "ratePerSecond": spec.admission.rate_per_second,
            "order": str(spec.admission.order),
            "preQueueSeconds": 0 if rehearsal else round(spec.admission.pre_queue / timedelta(seconds=1)),
        },
        "rehearsal": rehearsal,
    }
