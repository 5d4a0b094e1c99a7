"""What an action is decided by: the resource as the API server holds it, and what a kind observes beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from amazonlite.common.core.clock import parse_iso
from amazonlite_operator.kind.reasons import CommonReason
from amazonlite_operator.kind.status import KindStatus
from amazonlite_operator.kube.api import Manifest
from amazonlite_operator.kube.controller import Key
from amazonlite_operator.kube.schema import Fields, explain, read_what_fits

S = TypeVar("S", bound=Fields)
T = TypeVar("T", bound=KindStatus[Any])


@dataclass(frozen=True, slots=True)
class Invalid:
    """Why this version cannot act on the stored object; `status_fields` of it could not be read and are left alone."""

    reason: CommonReason
    message: str
    status_fields: frozenset[str] = frozenset()


class UnreadableSpec(Exception):
    """A step needs the spec of an object whose spec does not validate: such an object can only be deleted."""


@dataclass(frozen=True, slots=True)
class Resource(Generic[S, T]):
    """The object typed as far as this version of the operator understands it.

    `stored_spec` None: it does not validate, and `invalid` says why. `status` leaves out the fields that do not.
    """

    manifest: Manifest
    key: Key
    stored_spec: S | None
    status: T
    invalid: Invalid | None
    has_finalizer: bool

    @property
    def spec(self) -> S:
        if self.stored_spec is None:
            raise UnreadableSpec(self.key.name)
        return self.stored_spec

    @property
    def uid(self) -> str:
        return str(self.manifest["metadata"]["uid"])

    @property
    def generation(self) -> int:
        return int(self.manifest["metadata"]["generation"])

    @property
    def deleting(self) -> bool:
        return "deletionTimestamp" in self.manifest["metadata"]


def read(
    key: Key, manifest: Manifest, *, spec: type[S], status: type[T], finalizer: str, first_reason: str
) -> Resource[S, T]:
    metadata = manifest["metadata"]
    fitting, wrong_spec = _spec(spec, manifest)
    written, wrong_status = read_what_fits(status, manifest.get("status") or {})
    return Resource(
        manifest=manifest,
        key=key,
        stored_spec=fitting,
        status=written.begun(parse_iso(metadata["creationTimestamp"]), first_reason),
        invalid=_invalid(wrong_spec, wrong_status),
        has_finalizer=finalizer in metadata.get("finalizers", ()),
    )


def _spec(spec: type[S], manifest: Manifest) -> tuple[S | None, str]:
    try:
        return spec.model_validate(manifest["spec"]), ""
    except ValidationError as error:
        return None, explain(error)


def _invalid(wrong_spec: str, wrong_status: Mapping[str, str]) -> Invalid | None:
    fields = frozenset(wrong_status)
    if wrong_spec:
        return Invalid(CommonReason.SPEC_INVALID, f"{wrong_spec}. {CommonReason.SPEC_INVALID.explanation}", fields)
    if wrong_status:
        found = "; ".join(wrong_status.values())
        return Invalid(CommonReason.STATUS_INVALID, f"{found}. {CommonReason.STATUS_INVALID.explanation}", fields)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation(Generic[S, T]):
    """A kind adds fields of its own. `cluster_refusal` says what the API server refuses the operator to read."""

    now: datetime
    resource: Resource[S, T]
    cluster_refusal: str = ""

    @property
    def spec(self) -> S:
        return self.resource.spec

    @property
    def status(self) -> T:
        return self.resource.status

    @property
    def invalid(self) -> Invalid | None:
        return self.resource.invalid

    @property
    def deleting(self) -> bool:
        return self.resource.deleting

    @property
    def uid(self) -> str:
        return self.resource.uid

    @property
    def name(self) -> str:
        return self.resource.key.name

    @property
    def namespace(self) -> str:
        return self.resource.key.namespace

    def until(self, moment: datetime) -> float:
        """Seconds, never negative."""
        return max(0.0, (moment - self.now) / timedelta(seconds=1))
