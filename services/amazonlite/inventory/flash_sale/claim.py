"""One claim, from the ticket to the committed hold.

Redis says whether it is the shopper's turn, MySQL decides whether there is a unit; only what is committed is answered.
"""

from __future__ import annotations

import time

from amazonlite.common.core.errors import DomainError
from amazonlite.inventory.flash_sale.decide import Claim, Held
from amazonlite.inventory.flash_sale.dependencies import SaleDependencies
from amazonlite.inventory.flash_sale.metrics import CLAIM_SECONDS, CLAIMS


async def claim_units(deps: SaleDependencies, claim: Claim) -> Held:
    """The hold. The same claim again gets the same hold, whether or not the shopper still has a place."""
    started = time.perf_counter()
    outcome = "internal_error"
    try:
        held = await deps.batcher.claim(claim)
        outcome = "held" if held.new else "replayed"
        return held
    except DomainError as refusal:
        outcome = refusal.code
        raise
    finally:
        CLAIMS.labels(claim.sale_id, outcome).inc()
        CLAIM_SECONDS.labels(claim.sale_id).observe(time.perf_counter() - started)
