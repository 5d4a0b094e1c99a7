"""FlashSales under test: made from a few numbers, applied, waited for, removed."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from amazonlite.common.testing.eventually import eventually
from amazonlite_cli.kube import Resources, connect
from support.shop import usd


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def sale_spec(sku: str, quantity: int, *, opens_in: float, lasts: float, **overrides: Any) -> dict[str, Any]:
    """A valid spec: opens ``opens_in`` seconds from now, lasts ``lasts`` seconds; ``overrides`` replace fields."""
    start = datetime.now(UTC) + timedelta(seconds=opens_in)
    spec: dict[str, Any] = {
        "sku": sku,
        "quantity": quantity,
        "price": usd(999),
        "window": {"start": stamp(start), "end": stamp(start + timedelta(seconds=lasts))},
        "perCustomerLimit": 1,
        "holdTTL": "10s",
        "admission": {"maxActive": 200, "ratePerSecond": 200, "order": "Fifo", "preQueue": "5s"},
    }
    return spec | overrides


class FlashSales:
    """Creates FlashSales with names of their own and removes them all at the end."""

    def __init__(self) -> None:
        self.resources = Resources(connect(), "flashsales")
        self._names: list[str] = []

    def apply(self, spec: dict[str, Any], name: str = "") -> str:
        """Creates the sale; its name. Raises ``ApiException`` when the API server refuses it."""
        name = name or f"test-{uuid.uuid4().hex[:8]}"
        body = {"apiVersion": "amazonlite.dev/v1alpha1", "kind": "FlashSale", "metadata": {"name": name}, "spec": spec}
        self.resources.create(body)
        self._names.append(name)
        return name

    @property
    def names(self) -> list[str]:
        """The sales made so far, oldest first."""
        return list(self._names)

    def sale_id(self, name: str) -> str:
        """The shop's id of the sale: derived from the object's uid."""
        return "fs_" + str(self._existing(name)["metadata"]["uid"]).replace("-", "")

    def status(self, name: str) -> dict[str, Any]:
        return dict(self._existing(name).get("status", {}))

    def _existing(self, name: str) -> dict[str, Any]:
        found = self.resources.get(name)
        assert found is not None, f"FlashSale/{name} is gone"
        return found

    def condition(self, name: str, kind: str) -> dict[str, Any]:
        """The condition of that type, {} while there is none."""
        conditions = self.status(name).get("conditions", [])
        return next((dict(c) for c in conditions if c["type"] == kind), {})

    async def in_phase(self, name: str, *phases: str, within: float) -> dict[str, Any]:
        """Waits for one of the phases; the status then."""

        async def reached() -> dict[str, Any] | None:
            status = await asyncio.to_thread(self.status, name)
            return status if status.get("phase") in phases else None

        what = f"{name} in {' or '.join(phases)}"
        found: dict[str, Any] = await eventually(reached, within=within, every=0.25, what=what)
        return found

    async def stalled(self, name: str, *, within: float = 30) -> dict[str, Any]:
        """Waits until the sale is Stalled; that condition."""

        async def found() -> dict[str, Any] | None:
            condition = await asyncio.to_thread(self.condition, name, "Stalled")
            return condition if condition.get("status") == "True" else None

        condition: dict[str, Any] = await eventually(found, within=within, every=0.25, what=f"{name} Stalled")
        return condition

    async def remove_all(self) -> None:
        """Deletes every sale made here and waits for the finalizers."""
        for name in self._names:
            await asyncio.to_thread(self.resources.delete, name)

        async def gone() -> bool:
            left = [await asyncio.to_thread(self.resources.get, name) for name in self._names]
            return not any(left)

        await eventually(gone, within=60, every=0.25, what="sales deleted")
