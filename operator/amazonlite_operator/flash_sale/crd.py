"""FlashSale as the API server sees it."""

from __future__ import annotations

from amazonlite_operator.flash_sale.spec import FlashSaleSpec
from amazonlite_operator.flash_sale.status import FlashSaleStatus
from amazonlite_operator.kube.crd import Column, CustomResource

_STARTED = (
    "has(oldSelf.status) && (has(oldSelf.status.phase) && oldSelf.status.phase != 'Pending'"
    " || has(oldSelf.status.allocated) && oldSelf.status.allocated)"
)


def _frozen(*fields: str) -> tuple[str, str]:
    """Inventory fixes a sale's terms when it sets the stock aside, so the API server does too."""
    same = " && ".join(f"self.spec.{field} == oldSelf.spec.{field}" for field in fields)
    return (f"!({_STARTED}) || ({same})", f"{', '.join(fields)} cannot change once the stock is set aside")


FLASH_SALES = CustomResource(
    kind="FlashSale",
    plural="flashsales",
    short_name="fs",
    description="Sells a fixed quantity of one SKU in a window, to the limit and never past it.",
    spec=FlashSaleSpec,
    status=FlashSaleStatus,
    columns=[
        Column("SKU", ".spec.sku"),
        Column("Sold", ".status.stock.sold", "integer"),
        Column("Of", ".spec.quantity", "integer"),
        Column("Start", ".spec.window.start", "date", 1),
        Column("End", ".spec.window.end", "date", 1),
        Column("Oversold", ".status.oversold", "integer", 1),
        Column("PaidLost", ".status.books.paidOrdersLost", "integer", 1),
        Column("P95ms", ".status.slo.p95Ms", "integer", 1),
    ],
    rules=[
        ("self.metadata.name.size() <= 52", "the name must have at most 52 characters"),
        _frozen("sku", "quantity", "price", "window.start", "window.end"),
        _frozen("perCustomerLimit", "holdTTL", "admission.order", "admission.preQueue"),
    ],
)
