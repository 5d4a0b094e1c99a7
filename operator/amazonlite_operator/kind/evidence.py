"""The evidence of a resource that is over: JSON for programs, Markdown for people. Same status, same bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from amazonlite.common.core.certain import certain
from amazonlite.common.core.clock import iso
from amazonlite_operator.kind.observation import Observation
from amazonlite_operator.kind.owner import owner_reference
from amazonlite_operator.kind.ports import Cluster
from amazonlite_operator.kind.status import Evidence
from amazonlite_operator.kube.api import Manifest, ObjectConflict
from amazonlite_operator.kube.crd import GROUP

JSON_KEY, MARKDOWN_KEY = "evidence.json", "evidence.md"


@dataclass(frozen=True, slots=True)
class Report:
    """`facts` in JSON, and the same for people."""

    facts: Mapping[str, Any]
    markdown: str


async def write(cluster: Cluster, o: Observation[Any, Any], report: Report) -> Evidence:
    """Creates the ConfigMap; one written before a kill, perhaps by an older observation, is the one that counts."""
    body = config_map(o, report)
    collection, name, data = f"/api/v1/namespaces/{o.namespace}/configmaps", body["metadata"]["name"], body["data"]
    with suppress(ObjectConflict):
        await cluster.create(collection, body)
        return Evidence(config_map=name, sha256=digest(data))
    existing = await cluster.get(f"{collection}/{name}")
    return Evidence(config_map=name, sha256=digest(existing["data"] if existing else data))


def config_map(o: Observation[Any, Any], report: Report) -> Manifest:
    """Immutable, and gone with the resource it belongs to."""
    kind = o.resource.manifest["kind"].lower()
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": f"{kind}-{o.name}-evidence-{o.uid[:8]}",
            "namespace": o.namespace,
            "labels": {"app.kubernetes.io/part-of": "amazonlite", f"{GROUP}/evidence": kind},
            "ownerReferences": [{**owner_reference(o.resource), "blockOwnerDeletion": False}],
        },
        "immutable": True,
        "data": {JSON_KEY: json.dumps(report.facts, indent=1, sort_keys=True), MARKDOWN_KEY: report.markdown},
    }


def digest(data: dict[str, str]) -> str:
    """sha256 of the JSON followed by the Markdown."""
    return hashlib.sha256((data[JSON_KEY] + data[MARKDOWN_KEY]).encode()).hexdigest()


def common_facts(o: Observation[Any, Any]) -> dict[str, Any]:
    """What is asked, the outcome, and the timeline with the outcome's phase as its last entry."""
    outcome = certain(o.status.outcome, "evidence is planned with an outcome only")
    status = o.status.model_dump(by_alias=True, mode="json", exclude_none=True)
    final = {"phase": outcome.phase, "at": iso(outcome.at), "reason": outcome.reason, "message": outcome.message}
    return {
        "spec": o.spec.model_dump(by_alias=True, mode="json", exclude_none=True),
        "outcome": status["outcome"],
        "timeline": [*status["timeline"], final],
    }


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], *, numbers: int | None = None) -> list[str]:
    """In Markdown, with an empty line behind it; the column `numbers` is set to the right."""
    marks = ["---:" if column == numbers else "---" for column in range(len(heads))]
    return [_row(heads), f"|{'|'.join(marks)}|", *map(_row, rows), ""]


def _row(cells: Sequence[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def page(o: Observation[Any, Any], facts: Mapping[str, Any], lines: Iterable[str] = ()) -> str:
    """The Markdown: how it ended and why, the kind's own lines, the timeline."""
    outcome, kind = facts["outcome"], o.resource.manifest["kind"]
    return "\n".join(
        [
            f"# {kind} {o.namespace}/{o.name}: {outcome['phase']}",
            "",
            f"**{outcome['reason']}** at {outcome['at']}: {outcome['message']}",
            "",
            *lines,
            *table(
                ("phase", "since", "reason", ""),
                ((e["phase"], e["at"], e["reason"], e["message"]) for e in facts["timeline"]),
            ),
        ]
    )
