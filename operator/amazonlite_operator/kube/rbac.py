"""Rights of the operator's Role, and the ones that all kinds need together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from amazonlite_operator.kube.crd import GROUP, AnyResource

ORDER = ("get", "list", "watch", "create", "update", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Rule:
    """`group` empty: the core API. `names` bounds the rule to objects of these names."""

    group: str
    resource: str
    verbs: tuple[str, ...]
    names: tuple[str, ...] = ()

    def yaml(self) -> str:
        """In one line, as a chart's template holds it."""
        group = self.group or '""'
        names = f"resourceNames: [{', '.join(self.names)}], " if self.names else ""
        return f"{{apiGroups: [{group}], resources: [{self.resource}], {names}verbs: [{', '.join(self.verbs)}]}}"


# What the operator itself does: its Lease, its heartbeat, Events, evidence.
OPERATOR = (
    Rule("coordination.k8s.io", "leases", ("create",)),
    Rule("coordination.k8s.io", "leases", ("get", "update"), ("amazonlite-operator",)),
    Rule("events.k8s.io", "events", ("create",)),
    Rule("", "configmaps", ("get", "list", "watch", "create", "patch")),
    Rule("", "pods", ("get",)),
)


def of_resource(resource: AnyResource) -> tuple[Rule, ...]:
    return (
        Rule(GROUP, resource.plural, ("get", "list", "watch", "patch")),
        Rule(GROUP, f"{resource.plural}/status", ("get", "patch")),
        Rule(GROUP, f"{resource.plural}/finalizers", ("update",)),
    )


def merged(rules: Iterable[Rule]) -> list[Rule]:
    """One rule a resource, with all verbs asked for, in the order of first appearance."""
    found: dict[tuple[str, str, tuple[str, ...]], Rule] = {}
    for rule in rules:
        place = (rule.group, rule.resource, rule.names)
        verbs = {*rule.verbs, *found[place].verbs} if place in found else set(rule.verbs)
        found[place] = replace(rule, verbs=tuple(verb for verb in ORDER if verb in verbs))
    return list(found.values())
