"""The resource as the API server holds it: typed as far as this version of the operator understands it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from amazonlite.common.core.clock import parse_iso
from amazonlite_operator.flash_sale.observed import Invalid, sale_id_of
from amazonlite_operator.flash_sale.phases import Phase
from amazonlite_operator.flash_sale.reasons import Reason
from amazonlite_operator.flash_sale.spec import FlashSaleSpec
from amazonlite_operator.flash_sale.state import FlashSaleStatus, Step
from amazonlite_operator.kube.api import Manifest
from amazonlite_operator.kube.schema import explain, read_what_fits

FINALIZER = "amazonlite.dev/flash-sale"


@dataclass(frozen=True, slots=True)
class Stored:
    """`spec` None: it does not validate, and `invalid` says why. `status` leaves out the fields that do not."""

    uid: str
    namespace: str
    name: str
    generation: int
    deleting: bool
    has_finalizer: bool
    spec: FlashSaleSpec | None
    status: FlashSaleStatus
    invalid: Invalid | None
    abort_requested: bool

    @property
    def sale_id(self) -> str:
        return sale_id_of(self.uid)

    @property
    def deployments(self) -> set[str]:
        targets = {target.deployment for target in self.spec.targets} if self.spec else set()
        return targets | {floor.deployment for floor in self.status.floors}


def read(namespace: str, name: str, manifest: Manifest) -> Stored:
    metadata = manifest["metadata"]
    spec, wrong_spec = _spec(manifest)
    status, wrong_status = read_what_fits(FlashSaleStatus, manifest.get("status") or {})
    return Stored(
        uid=metadata["uid"],
        namespace=namespace,
        name=name,
        generation=metadata["generation"],
        deleting="deletionTimestamp" in metadata,
        has_finalizer=FINALIZER in metadata.get("finalizers", ()),
        spec=spec,
        status=_begun(status, metadata["creationTimestamp"]),
        invalid=_invalid(wrong_spec, wrong_status),
        abort_requested=manifest["spec"].get("abort") is True or status.aborting,
    )


def _spec(manifest: Manifest) -> tuple[FlashSaleSpec | None, str]:
    try:
        return FlashSaleSpec.model_validate(manifest["spec"]), ""
    except ValidationError as error:
        return None, explain(error)


def _invalid(wrong_spec: str, wrong_status: Mapping[str, str]) -> Invalid | None:
    fields = frozenset(wrong_status)
    if wrong_spec:
        return Invalid(Reason.SPEC_INVALID, f"{wrong_spec}. {Reason.SPEC_INVALID.explanation}", fields)
    if wrong_status:
        told = "; ".join(wrong_status.values())
        return Invalid(Reason.STATUS_INVALID, f"{told}. {Reason.STATUS_INVALID.explanation}", fields)
    return None


def _begun(status: FlashSaleStatus, created: Any) -> FlashSaleStatus:
    if status.timeline:
        return status
    at: datetime = parse_iso(created)
    return status.changed(timeline=[Step(phase=Phase.PENDING, at=at, reason=Reason.SCHEDULED, message="created")])
