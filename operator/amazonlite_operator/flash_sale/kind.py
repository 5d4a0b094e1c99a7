"""FlashSale for the registry."""

from __future__ import annotations

from amazonlite_operator.flash_sale.crd import FLASH_SALES
from amazonlite_operator.flash_sale.decisions import FlashSaleDecisions
from amazonlite_operator.flash_sale.operations import connect
from amazonlite_operator.flash_sale.reasons import Reason
from amazonlite_operator.kind.kind import Kind
from amazonlite_operator.kube.rbac import Rule

FLASH_SALE = Kind(
    resource=FLASH_SALES,
    decisions=FlashSaleDecisions(),
    first_reason=Reason.SCHEDULED,
    rules=(
        Rule("", "pods", ("get", "list")),
        Rule("apps", "deployments", ("get", "list")),
        Rule("apps", "deployments/scale", ("get", "patch")),
        Rule("batch", "jobs", ("get", "list", "create", "delete")),
    ),
    connect=connect,
)
