"""One look at everything a sale's next step depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from amazonlite_operator.flash_sale.reasons import Reason
from amazonlite_operator.flash_sale.spec import FlashSaleSpec
from amazonlite_operator.flash_sale.state import FlashSaleStatus, Slo
from amazonlite_operator.shop.books import Books
from amazonlite_operator.shop.inventory import SaleView


def sale_id_of(uid: str) -> str:
    """Inventory's id of the resource's sale."""
    return f"fs_{uid.replace('-', '')}"


@dataclass(frozen=True, slots=True)
class Replicas:
    desired: int
    ready: int


@dataclass(frozen=True, slots=True)
class JobView:
    """A rehearsal's Job; `report` is what its pod wrote last, once finished.

    `ours` False: the name is taken by a Job of another owner, or by one that is being deleted. Nothing is read of it.
    """

    finished: bool
    ours: bool = True
    succeeded: bool = False
    report: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Invalid:
    """Why this version cannot act on the stored object; `status_fields` of it could not be read and are left alone."""

    reason: Reason
    message: str
    status_fields: frozenset[str] = frozenset()


class UnreadableSpec(Exception):
    """A step needs the spec of an object whose spec does not validate: such an object can only be deleted."""


@dataclass(frozen=True, slots=True)
class Observed:
    """`sale` None: inventory answers 404. `inventory_up` False: it doesn't answer, and nothing is known about sales.

    `books` None: not asked for, or not answered. Of a settled sale they were read after it was settled.
    A refusal says who refused the operator what: nothing is known then either, and only a person can change it.
    `capacity_unknown` says why no Deployment could be read; `abort_requested` is known also when the spec is invalid.
    """

    now: datetime
    uid: str
    name: str
    namespace: str
    generation: int
    deleting: bool
    has_finalizer: bool
    stored_spec: FlashSaleSpec | None
    status: FlashSaleStatus
    invalid: Invalid | None = None
    deployments: Mapping[str, Replicas] = field(default_factory=dict)
    inventory_up: bool = True
    sale: SaleView | None = None
    rehearsal_sale: SaleView | None = None
    rehearsal_job: JobView | None = None
    slo: Slo = field(default_factory=Slo)
    books: Books | None = None
    inventory_refusal: str = ""
    books_refusal: str = ""
    cluster_refusal: str = ""
    capacity_unknown: str = ""
    abort_requested: bool = False

    @property
    def spec(self) -> FlashSaleSpec:
        if self.stored_spec is None:
            raise UnreadableSpec(self.name)
        return self.stored_spec

    @property
    def sale_id(self) -> str:
        return sale_id_of(self.uid)

    @property
    def rehearsal_id(self) -> str:
        return f"{self.sale_id}r"

    @property
    def missing(self) -> list[str]:
        """Prewarm targets that are known not to exist."""
        if self.capacity_unknown:
            return []
        return [target.deployment for target in self.spec.targets if target.deployment not in self.deployments]

    @property
    def short(self) -> list[str]:
        """Targets with fewer ready replicas than the sale opens on, as `name 1/3`."""
        return [
            f"{target.deployment} {self.ready(target.deployment)}/{target.replicas}"
            for target in self.spec.targets
            if self.ready(target.deployment) < target.replicas
        ]

    def ready(self, deployment: str) -> int:
        replicas = self.deployments.get(deployment)
        return replicas.ready if replicas else 0

    def until(self, moment: datetime) -> float:
        """Seconds, never negative."""
        return max(0.0, (moment - self.now) / timedelta(seconds=1))
