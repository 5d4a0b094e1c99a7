"""Everything that a sale's next action depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from amazonlite_operator.flash_sale.spec import FlashSaleSpec
from amazonlite_operator.flash_sale.status import FlashSaleStatus, Slo
from amazonlite_operator.kind.deployments import Replicas
from amazonlite_operator.kind.job import JobObservation
from amazonlite_operator.kind.observation import Observation, Resource
from amazonlite_operator.shop.books import Books
from amazonlite_operator.shop.inventory import SaleView


def sale_id_of(uid: str) -> str:
    """Inventory's id of the resource's sale."""
    return f"fs_{uid.replace('-', '')}"


def abort_requested(resource: Resource[FlashSaleSpec, FlashSaleStatus]) -> bool:
    """Known also when the spec or the status does not validate."""
    return resource.manifest["spec"].get("abort") is True or resource.status.aborting


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleObservation(Observation[FlashSaleSpec, FlashSaleStatus]):
    """`sale` None: inventory answers 404. `inventory_up` False: it doesn't answer, and nothing is known about sales.

    `books` None: not asked for, or not answered. Of a settled sale they were read after it was settled.
    A refusal says who refused the operator what: nothing is known then either, and only a person can change it.
    `capacity_unknown` says why no Deployment could be read.
    """

    deployments: Mapping[str, Replicas] = field(default_factory=dict)
    inventory_up: bool = True
    sale: SaleView | None = None
    rehearsal_sale: SaleView | None = None
    rehearsal_job: JobObservation | None = None
    slo: Slo = field(default_factory=Slo)
    books: Books | None = None
    inventory_refusal: str = ""
    books_refusal: str = ""
    capacity_unknown: str = ""

    @property
    def abort_requested(self) -> bool:
        return abort_requested(self.resource)

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
