"""The reasons that conditions of every kind can give."""

from __future__ import annotations

from amazonlite_operator.kube.reasons import ExplainedReason


class CommonReason(ExplainedReason):
    CREATED = "Created", "Nobody has observed the resource before."
    DELETING = "Deleting", "The resource is being deleted: what it holds goes back first."
    SPEC_INVALID = (
        "SpecInvalid",
        "This version of the operator does not understand the stored spec: correct the field. It can be deleted.",
    )
    STATUS_INVALID = (
        "StatusInvalid",
        "Another version of the operator wrote this status: bring that version back. It can be deleted.",
    )
    SHOP_REFUSES = "ShopRefuses", "The shop refuses the operator: look at its account client-operator and its scopes."
    CLUSTER_REFUSES = (
        "ClusterRefuses",
        "The API server refuses the operator: look at the Role operator, at quotas and at admission policies.",
    )
    SHOP_UNAVAILABLE = "ShopUnavailable", "A service of the shop does not answer; tried again with growing pauses."
    STEP_REFUSED = "StepRefused", "A service of the shop refuses the step; the message says why."


def reason_of(value: str, own: type[ExplainedReason]) -> ExplainedReason:
    """The reason that a status holds by its value: the kind's own, else one of every kind."""
    common = {reason.value for reason in CommonReason}
    return CommonReason.of(value) if value in common and value not in {r.value for r in own} else own.of(value)
