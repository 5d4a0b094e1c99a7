"""What other services are told of a product: all of it as it is, or that it was removed."""

from __future__ import annotations

from typing import Any

from amazonlite.common.core.clock import Clock
from amazonlite.common.core.event import Event, new_event
from amazonlite.common.core.ids import derive_id
from amazonlite.product.domain import Product

CHANGED = "product.changed.v1"
SOURCE = "/product"


def changed(product: Product, *, removed: bool, clock: Clock) -> Event:
    """The same version of a product has the same event id, however often it is told."""
    sku, version = product.content.sku, product.version
    data: dict[str, Any] = {"sku": sku, "version": version, "removed": removed}
    return new_event(
        CHANGED,
        sku,
        data if removed else data | _content(product),
        source=SOURCE,
        clock=clock,
        ids=lambda prefix: derive_id(prefix, sku, str(version)),
    )


def _content(product: Product) -> dict[str, Any]:
    content = product.content
    return {
        "title": content.title,
        "description": content.description,
        "brand": content.brand,
        "color": content.color,
        "category": list(content.category),
        "price": content.price.as_dict(),
        "rating": content.rating,
        "ratingCount": content.rating_count,
    }
