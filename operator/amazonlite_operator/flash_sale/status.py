"""What the status of a FlashSale holds: enough to go on after a kill at any point, and what people look at."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from amazonlite_operator.flash_sale.phases import PHASES, Phase
from amazonlite_operator.kind.replica_floors import ReplicaFloor
from amazonlite_operator.kind.status import KindStatus, Outcome
from amazonlite_operator.kube.schema import Count, Fields, Instant
from amazonlite_operator.shop.books import Books
from amazonlite_operator.shop.inventory import Queue, Stock


class Verdict(StrEnum):
    PASS = "Pass"  # noqa: S105 - a verdict, not a password
    FAIL = "Fail"
    INSUFFICIENT = "Insufficient"


class Slo(Fields):
    p95_ms: Annotated[int, Field(ge=0)] | None = None
    success_rate: float | None = None
    samples: Count = 0
    verdict: Verdict = Verdict.INSUFFICIENT


class Progress(Fields):
    sold: Count = 0
    total: Count = 0
    percent: Annotated[int, Field(ge=0, le=100)] = 0
    eta: Instant | None = Field(default=None, description="When all is sold at the pace so far.")


class Throttle(Fields):
    """The admission inventory was last given, the rate the spec asked for then, and the number of the change."""

    max_active: Count
    rate_per_second: Count
    asked_rate: Count
    changed_at: Instant
    sequence: Count


class RehearsalResult(Fields):
    started_at: Instant
    deadline: Instant
    reason: str = Field(default="", description="Empty while under way.")
    message: str = ""
    customers: Count = 0
    admitted: Count = 0
    claimed: Count = 0
    errors: Count = 0
    p95_ms: Annotated[int, Field(ge=0)] | None = None
    success_rate: float | None = None


class Settlement(Fields):
    """Inventory's numbers when the rest went back to stock, replaced by those that the outcome was judged by."""

    at: Instant
    stock: Stock
    oversold: Count = 0
    conserved: bool = True


class SaleOutcome(Outcome[Phase]):
    books: Books | None = None


class FlashSaleStatus(KindStatus[Phase]):
    phases: ClassVar = PHASES

    phase: Phase = Field(default=Phase.PENDING, description="Where the sale is; docs/operator.md has the diagram.")
    stock: Stock | None = Field(default=None, description="Units; allocated = free + held + sold.")
    oversold: Count = Field(default=0, description="Units sold beyond the quantity; must be 0.")
    queue: Queue | None = Field(default=None, description="Shoppers.")
    slo: Slo | None = Field(default=None, description="Claims measured over slo.window.")
    progress: Progress | None = None
    books: Books | None = Field(
        default=None, description="What orders and payments last said, and when; kept while they are away."
    )
    allocated: bool = Field(default=False, description="Inventory has set the stock aside.")
    started_at: Instant | None = Field(default=None, description="When the doors opened.")
    late_seconds: Count = Field(default=0, description="How much later than window.start the doors opened.")
    abort_reason: str | None = None
    paused_until: Instant | None = Field(default=None, description="A breach paused the sale until then.")
    admission: Throttle | None = None
    floors: list[ReplicaFloor] = Field(default_factory=list, max_length=16)
    rehearsal: RehearsalResult | None = None
    settlement: Settlement | None = None
    outcome: SaleOutcome | None = None

    @property
    def aborting(self) -> bool:
        return self.abort_reason is not None
