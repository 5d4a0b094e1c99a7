"""What a FlashSale asks for. The CRD is generated from these classes: `python -m amazonlite_operator.generate`."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import ConfigDict, Field

from amazonlite_operator.kube.schema import Duration, Fields, SpecInstant, between, lasting, rules


class Order(StrEnum):
    FIFO = "Fifo"
    RANDOM = "Random"


class OnBreach(StrEnum):
    THROTTLE = "Throttle"
    PAUSE = "Pause"
    ABORT = "Abort"


class Price(Fields):
    amount: int = Field(ge=1, le=10**12, description="Minor units of the currency, such as cents.")
    currency: str = Field(pattern="^[A-Z]{3}$", max_length=3, description="ISO 4217 code.")


class Window(Fields):
    model_config = ConfigDict(
        json_schema_extra=rules(
            ("self.end > self.start", "window.end must be after window.start"),
            ("self.end - self.start <= duration('720h')", "a sale lasts at most 30 days"),
        )
    )

    start: SpecInstant = Field(description="Nobody can claim earlier; later if capacity isn't ready by then.")
    end: SpecInstant = Field(description="Nobody can claim later.")


class Admission(Fields):
    model_config = ConfigDict(json_schema_extra=rules(between("preQueue", "0s", "24h")))

    max_active: int = Field(default=200, ge=1, le=100_000, description="Shoppers admitted at the same time.")
    rate_per_second: int = Field(default=50, ge=1, le=10_000, description="Shoppers admitted a second.")
    order: Order = Field(
        default=Order.FIFO,
        description="Fifo admits by arrival; Random draws among those who waited before the start.",
    )
    pre_queue: Duration = lasting("0s", "How long before the start the waiting room opens.")


class Target(Fields):
    deployment: str = Field(
        min_length=1,
        max_length=63,
        pattern="^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        description="A Deployment's name.",
    )
    replicas: int = Field(ge=1, le=100, description="Ready replicas the sale opens on.")


class Prewarm(Fields):
    model_config = ConfigDict(json_schema_extra=rules(between("leadTime", "0s", "24h")))

    lead_time: Duration = lasting("5m", "How long before the start replicas are raised.")
    targets: list[Target] = Field(
        default_factory=list,
        max_length=16,
        description="Deployments raised for the sale and put back after it.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["deployment"]},
    )


class Objective(Fields):
    model_config = ConfigDict(json_schema_extra=rules(between("p95", "1ms", "60s"), between("window", "10s", "1h")))

    p95: Duration = Field(description="95 of 100 claims are answered within this time.")
    success_rate: float = Field(gt=0, le=1, description="Share of claims answered without a server error: 0.99.")
    window: Duration = lasting("60s", "The claims judged are those of this last time.")
    min_samples: int = Field(default=20, ge=1, le=100_000, description="Fewer claims than this give no verdict.")


class Rehearsal(Fields):
    customers: int = Field(ge=1, le=10_000, description="Synthetic customers.")
    rate_per_second: int = Field(ge=1, le=1_000, description="Synthetic customers arriving a second.")


class FlashSaleSpec(Fields):
    model_config = ConfigDict(
        json_schema_extra=rules(
            ("self.perCustomerLimit <= self.quantity", "perCustomerLimit must not exceed quantity"),
            ("!oldSelf.abort || self.abort", "an aborted sale stays aborted"),
            between("holdTTL", "10s", "1h"),
            between("settleTimeout", "10s", "24h"),
        )
    )

    sku: str = Field(min_length=1, max_length=64, pattern="^[A-Za-z0-9._-]+$", description="What is sold.")
    quantity: int = Field(ge=1, le=1_000_000, description="How many units are set aside, and so sold at most.")
    price: Price = Field(description="What one unit costs in this sale.")
    window: Window = Field(description="When it is sold.")
    per_customer_limit: int = Field(default=1, ge=1, le=1_000, description="Units one customer can get.")
    hold_ttl: Duration = lasting("5m", "How long a claimed unit waits for its payment.", alias="holdTTL")
    admission: Admission = Field(
        default_factory=Admission,
        description="Who may claim when, and how many at once.",
        json_schema_extra={"default": Admission().model_dump(by_alias=True, mode="json")},
    )
    prewarm: Prewarm | None = Field(default=None, description="Capacity to have ready before the doors open.")
    slo: Objective | None = Field(default=None, description="What claims must keep while the sale is live.")
    on_breach: OnBreach = Field(
        default=OnBreach.THROTTLE,
        description="Throttle halves the admission rate and restores it slowly; Pause lasts one slo.window.",
    )
    rehearsal: Rehearsal | None = Field(
        default=None, description="Synthetic customers buy a shadow SKU before the sale; the outcome is in the status."
    )
    paused: bool = Field(default=False, description="Nobody is admitted and nobody can claim while true.")
    abort: bool = Field(default=False, description="Ends the sale now: paid orders stay, the rest goes back. One way.")
    settle_timeout: Duration = lasting("5m", "How long orders and payments may take to agree with the stock sold.")

    @property
    def opens_at(self) -> datetime:
        """When the waiting room opens."""
        return self.window.start - self.admission.pre_queue

    @property
    def prewarm_at(self) -> datetime:
        lead = self.prewarm.lead_time if self.prewarm else timedelta(0)
        return min(self.window.start - lead, self.opens_at)

    @property
    def targets(self) -> list[Target]:
        return self.prewarm.targets if self.prewarm else []
