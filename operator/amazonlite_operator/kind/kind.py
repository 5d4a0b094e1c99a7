"""A kind of custom resource: what the registry lists, and all that main and the generators read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from amazonlite_operator.kind.decisions import Decisions
from amazonlite_operator.kind.observation import Observation, Resource, read
from amazonlite_operator.kind.operations import Clients, Operations
from amazonlite_operator.kind.reasons import CommonReason
from amazonlite_operator.kind.status import KindStatus
from amazonlite_operator.kube.api import Manifest
from amazonlite_operator.kube.controller import Key
from amazonlite_operator.kube.crd import CustomResource
from amazonlite_operator.kube.rbac import Rule
from amazonlite_operator.kube.reasons import ExplainedReason
from amazonlite_operator.kube.schema import Fields

S = TypeVar("S", bound=Fields)
T = TypeVar("T", bound=KindStatus[Any])
O = TypeVar("O", bound=Observation[Any, Any])  # noqa: E741 - o is an observation everywhere
E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Kind(Generic[S, T, O, E]):
    """`rules` are the rights needed beside the resource; `first_reason` stands at the beginning of every timeline."""

    resource: CustomResource[S, T]
    decisions: Decisions[T, O, E]
    connect: Callable[[Clients], Operations[S, T, O, E]]
    rules: tuple[Rule, ...] = ()
    first_reason: ExplainedReason = CommonReason.CREATED

    @property
    def name(self) -> str:
        return self.resource.kind

    def read(self, key: Key, manifest: Manifest) -> Resource[S, T]:
        return read(
            key,
            manifest,
            spec=self.resource.spec,
            status=self.resource.status,
            finalizer=self.resource.finalizer,
            first_reason=self.first_reason,
        )


AnyKind = Kind[Any, Any, Any, Any]
