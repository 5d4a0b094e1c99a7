"""The finalizer of a kind: registered before the first effect, removed once nothing is held."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from amazonlite_operator.kind.observation import Resource
from amazonlite_operator.kind.ports import Cluster
from amazonlite_operator.kube.api import ObjectNotFound


async def set_finalizer(cluster: Cluster, path: str, resource: Resource[Any, Any], name: str, *, present: bool) -> None:
    """Adds or removes it among those of others; a conflict (409) when the object has changed since it was read."""
    metadata = resource.manifest["metadata"]
    others = [other for other in metadata.get("finalizers", ()) if other != name]
    finalizers = [*others, name] if present else others
    guarded = {"metadata": {"finalizers": finalizers, "resourceVersion": metadata["resourceVersion"]}}
    with suppress(ObjectNotFound):
        await cluster.merge(path, guarded)
