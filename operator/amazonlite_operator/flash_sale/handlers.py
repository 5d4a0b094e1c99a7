"""What the watch shows becomes keys to look at; nothing is decided here."""

from __future__ import annotations

from typing import Any

import kopf

from amazonlite_operator.flash_sale.crd import FLASH_SALE
from amazonlite_operator.kube.controller import Controller, Key
from amazonlite_operator.kube.crd import GROUP, VERSION


def register(registry: kopf.OperatorRegistry, controller: Controller) -> None:
    @kopf.on.event(GROUP, VERSION, FLASH_SALE.plural, registry=registry)
    async def flash_sale_seen(event: kopf.RawEvent, **_: Any) -> None:
        metadata: dict[str, Any] = {**event["object"]["metadata"]}
        key = Key(metadata["namespace"], metadata["name"])
        if event["type"] == "DELETED":
            controller.forget(key, metadata["uid"])
            return
        # Status writes, our own among them, show nothing new.
        sight = f"{metadata['generation']} {metadata.get('deletionTimestamp')} {metadata.get('finalizers')}"
        controller.notice(key, metadata["uid"], metadata["generation"], sight)
