"""Objects that go when their resource goes."""

from __future__ import annotations

from typing import Any

from amazonlite_operator.kind.observation import Resource
from amazonlite_operator.kube.api import Manifest


def owner_reference(resource: Resource[Any, Any]) -> dict[str, Any]:
    manifest = resource.manifest
    return {
        "apiVersion": manifest["apiVersion"],
        "kind": manifest["kind"],
        "name": resource.key.name,
        "uid": resource.uid,
        "controller": True,
    }


def owned(manifest: Manifest, uid: str) -> bool:
    """By uid: an object of an earlier resource of the same name is another's."""
    owners = manifest["metadata"].get("ownerReferences", ())
    return any(owner["uid"] == uid and owner.get("controller") for owner in owners)
