"""A demonstration replaces only what a demonstration made."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from amazonlite.cli.demo import DemoFailed, manifest, removed

PRODUCT = {"sku": "B1", "price": {"amount": 999, "currency": "USD"}}


@dataclass
class Sales:
    """The FlashSale that is there, if any."""

    present: dict[str, Any] | None
    deleted: list[str] = field(default_factory=list)

    def get(self, _name: str) -> dict[str, Any] | None:
        return self.present

    def delete(self, name: str) -> None:
        self.deleted.append(name)
        self.present = None


async def test_an_earlier_demonstrations_sale_is_deleted() -> None:
    sales = Sales(manifest(PRODUCT, datetime.now(UTC)))
    await removed(sales)  # type: ignore[arg-type]
    assert sales.deleted == ["demo"]


async def test_a_sale_that_somebody_else_made_is_left_alone() -> None:
    for labels in ({}, {"amazonlite.dev/made-by": "marketing"}):
        sales = Sales(manifest(PRODUCT, datetime.now(UTC), labels=labels))
        with pytest.raises(DemoFailed) as refused:
            await removed(sales)  # type: ignore[arg-type]
        assert sales.deleted == []
        assert refused.value.code == "demo_failed"
        assert "kubectl delete" in refused.value.next_step
