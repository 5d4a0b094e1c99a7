"""CustomResourceDefinitions from pydantic classes: structural schemas without $ref, defaults where a field has one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from pydantic import BaseModel

GROUP = "amazonlite.dev"
VERSION = "v1alpha1"


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    path: str
    type: str = "string"
    priority: int = 0

    def manifest(self) -> dict[str, Any]:
        return {"name": self.name, "type": self.type, "jsonPath": self.path, "priority": self.priority}


S = TypeVar("S", bound=BaseModel)
T = TypeVar("T", bound=BaseModel)

_PHASE = Column("Phase", ".status.phase")
_READY = Column("Ready", '.status.conditions[?(@.type=="Ready")].status')
_REASON = Column("Reason", '.status.conditions[?(@.type=="Ready")].reason')
_AGE = Column("Age", ".metadata.creationTimestamp", "date")


@dataclass(frozen=True, slots=True)
class CustomResource(Generic[S, T]):
    """Names, schemas, kubectl's columns and the CEL rules of one kind. `columns` stand between Phase and Age."""

    kind: str
    plural: str
    short_name: str
    description: str
    spec: type[S]
    status: type[T]
    columns: Sequence[Column]
    rules: Sequence[tuple[str, str]] = ()

    @property
    def finalizer(self) -> str:
        """`amazonlite.dev/flash-sale` of a FlashSale."""
        return f"{GROUP}/{self.slug}"

    @property
    def slug(self) -> str:
        """`flash-sale` of a FlashSale."""
        return re.sub(r"(?<!^)(?=[A-Z])", "-", self.kind).lower()

    def path(self, namespace: str) -> str:
        """The API path of all objects in a namespace."""
        return f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{self.plural}"

    def object_path(self, namespace: str, name: str) -> str:
        return f"{self.path(namespace)}/{name}"

    def all_columns(self) -> list[Column]:
        """Phase first, then the kind's own, Ready and its reason, what `-o wide` adds, and the age."""
        own = [column for column in self.columns if not column.priority]
        wide = [column for column in self.columns if column.priority]
        return [_PHASE, *own, _READY, _REASON, *wide, _AGE]


AnyResource: TypeAlias = CustomResource[Any, Any]


def manifest(kind: AnyResource) -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}", "labels": {"app.kubernetes.io/part-of": "amazonlite"}},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind.kind,
                "plural": kind.plural,
                "singular": kind.kind.lower(),
                "shortNames": [kind.short_name],
                "categories": ["amazonlite"],
            },
            "versions": [_version(kind)],
        },
    }


def _version(kind: AnyResource) -> dict[str, Any]:
    return {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [column.manifest() for column in kind.all_columns()],
        "schema": {"openAPIV3Schema": _root(kind)},
    }


def _root(kind: AnyResource) -> dict[str, Any]:
    return {
        "type": "object",
        "description": kind.description,
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": structural(kind.spec),
            # Until the operator has observed it, no tool may take the object for one that is as asked: kstatus would.
            "status": {**structural(kind.status), "default": {"observedGeneration": 0}},
        },
        "x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in kind.rules],
    }


def structural(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema(by_alias=True, mode="validation")
    inlined: dict[str, Any] = _inline(schema, schema.get("$defs", {}))
    return inlined


def _inline(node: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_inline(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    node = _without_null(node)
    if "$ref" in node:
        # What stands beside the reference (a field's description) wins over what the class says of itself.
        node = {**definitions[node["$ref"].rsplit("/", 1)[1]], **{k: v for k, v in node.items() if k != "$ref"}}
        return _inline(node, definitions)
    return {key: _value(key, value, definitions) for key, value in _bounded(node).items() if not _dropped(key, value)}


def _value(key: str, value: Any, definitions: dict[str, Any]) -> Any:
    if key == "properties":  # its keys are names of fields, and a field may well be called "title"
        return {name: _inline(schema, definitions) for name, schema in value.items()}
    return _inline(value, definitions)


def _bounded(node: dict[str, Any]) -> dict[str, Any]:
    """OpenAPI 3.0 says `minimum` and a flag where JSON Schema has `exclusiveMinimum`."""
    if "exclusiveMinimum" not in node:
        return node
    return {**node, "minimum": node["exclusiveMinimum"], "exclusiveMinimum": True}


def _dropped(key: str, value: Any) -> bool:
    return key in ("$defs", "title", "additionalProperties") or (key == "default" and value is None)


def _without_null(node: dict[str, Any]) -> dict[str, Any]:
    """`T | None` is an optional field of type T: absent, never null."""
    choices = [choice for choice in node.get("anyOf", ()) if choice.get("type") != "null"]
    if "anyOf" not in node:
        return node
    (only,) = choices
    return {**only, **{key: value for key, value in node.items() if key != "anyOf"}}
