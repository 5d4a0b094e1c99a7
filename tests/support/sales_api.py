"""FlashSales in one namespace of a real API server."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from kubernetes import client

from amazonlite.common.core.clock import iso


def valid_spec(*, opens_in: float = 3600, lasts: float = 600, **fields: Any) -> dict[str, Any]:
    start = (datetime.now(UTC) + timedelta(seconds=opens_in)).replace(microsecond=0)
    return {
        "sku": "SKU1",
        "quantity": 10,
        "price": {"amount": 500, "currency": "EUR"},
        "window": {"start": iso(start), "end": iso(start + timedelta(seconds=lasts))},
        **fields,
    }


class SalesApi:
    def __init__(self, api: client.ApiClient, namespace: str) -> None:
        self._objects = client.CustomObjectsApi(api)
        self._where = ("amazonlite.dev", "v1alpha1", namespace, "flashsales")

    def create(self, spec: dict[str, Any], name: str = "") -> str:
        name = name or f"sale-{uuid.uuid4().hex[:6]}"
        body = {"apiVersion": "amazonlite.dev/v1alpha1", "kind": "FlashSale", "metadata": {"name": name}, "spec": spec}
        self._objects.create_namespaced_custom_object(*self._where, body)
        return name

    def get(self, name: str) -> dict[str, Any] | None:
        try:
            return cast(dict[str, Any], self._objects.get_namespaced_custom_object(*self._where, name))
        except client.ApiException as error:
            if error.status == 404:
                return None
            raise

    def change(self, name: str, spec: dict[str, Any]) -> None:
        self.patch(name, {"spec": spec})

    def patch(self, name: str, body: dict[str, Any]) -> None:
        self._objects.patch_namespaced_custom_object(*self._where, name, body)

    def set_status(self, name: str, status: dict[str, Any]) -> None:
        self._objects.patch_namespaced_custom_object_status(*self._where, name, {"status": status})

    def delete(self, name: str) -> None:
        self._objects.delete_namespaced_custom_object(*self._where, name)

    def release_all(self) -> None:
        """Take finalizers away, as docs/operator.md tells: no operator may be left to do it."""
        found = cast(dict[str, Any], self._objects.list_namespaced_custom_object(*self._where))
        for item in found["items"]:
            name = item["metadata"]["name"]
            self.patch(name, {"metadata": {"finalizers": None}})
