"""``amazonlite status [--watch]``: the services and the custom resources as the cluster has them now."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from kubernetes import client
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from amazonlite_cli.kinds import served_kinds
from amazonlite_cli.kube import GROUP, VERSION, connect
from amazonlite_cli.paths import NAMESPACE
from amazonlite_cli.progress import explained

REFRESH_SECONDS = 1.0
_PHASE_STYLES = {
    **dict.fromkeys(("Settled", "Succeeded", "Promoted", "Passed"), "green"),
    **dict.fromkeys(("Failed", "Rejected", "Blocked"), "bold red"),
    **dict.fromkeys(("Aborted", "RolledBack", "Cancelled", "Paused"), "yellow"),
}
_SIGNS = {"True": ("✓", "green"), "False": ("✗", "red"), "Unknown": ("?", "dim")}
# kstatus's own three say the same in another way; Ready and its reason have a column.
_ELSEWHERE = frozenset({"Ready", "Reconciling", "Stalled"})

# What must stay readable on a terminal of 80 columns; names of resources fold first.
_LEAST_WIDTHS = {"phase": 7, "ready": 10, "conditions": 16}

Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Manifests as the API server gives them."""

    workloads: Sequence[Manifest]
    resources: Sequence[Manifest]
    at: datetime


def status(
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Keep it up to date until interrupted.")] = False,
) -> None:
    """Show services (ready of desired) and custom resources (phase, conditions, progress)."""
    console = Console()
    with explained():
        api = connect()
        if not watch:
            console.print(picture(take(api)))
            return
        with Live(picture(take(api)), console=console, auto_refresh=False, screen=console.is_terminal) as live:
            while True:
                time.sleep(REFRESH_SECONDS)
                live.update(picture(take(api)), refresh=True)


def take(api: client.ApiClient) -> Snapshot:
    objects = client.CustomObjectsApi(api)

    def listed(group: str, version: str, plural: str, labels: str = "") -> list[Manifest]:
        found: Any = objects.list_namespaced_custom_object(group, version, NAMESPACE, plural, label_selector=labels)
        kind = found["kind"].removesuffix("List")
        return [{"kind": kind, **item} for item in found["items"]]

    ours = "app.kubernetes.io/part-of=amazonlite"
    workloads = listed("apps", "v1", "deployments", ours) + listed("apps", "v1", "statefulsets", ours)
    resources = [item for kind in served_kinds(api) for item in listed(GROUP, VERSION, kind.plural)]
    return Snapshot(workloads, resources, datetime.now(UTC))


def picture(snapshot: Snapshot) -> Group:
    parts: list[RenderableType] = [_services(snapshot.workloads), Text()]
    if snapshot.resources:
        parts.append(_resources(snapshot))
    else:
        parts.append(
            Text("No custom resources. Try: amazonlite sample my-sale | kubectl apply -n amazonlite -f -", style="dim")
        )
    return Group(*parts)


def _services(workloads: Sequence[Manifest]) -> Table:
    table = Table(title="Services", title_justify="left", box=None, pad_edge=False)
    for heading in ("name", "kind", "ready", ""):
        table.add_column(heading, justify="right" if heading == "ready" else "left")
    for workload in sorted(workloads, key=lambda item: (item["kind"], item["metadata"]["name"])):
        desired, ready = workload["spec"].get("replicas", 1), workload.get("status", {}).get("readyReplicas", 0)
        well = ready >= desired
        sign = Text("up" if well else "waiting", style="green" if well else "yellow")
        table.add_row(workload["metadata"]["name"], workload["kind"], f"{ready}/{desired}", sign)
    return table


def _resources(snapshot: Snapshot) -> Table:
    table = Table(title="Custom resources", title_justify="left", box=None, pad_edge=False)
    for heading in ("resource", "phase", "ready", "progress", "conditions", "age"):
        table.add_column(heading, overflow="fold", min_width=_LEAST_WIDTHS.get(heading))
    newest_first = sorted(snapshot.resources, key=lambda item: item["metadata"]["creationTimestamp"], reverse=True)
    for item in newest_first:
        table.add_row(*_row(item, snapshot.at))
    return table


def _row(item: Manifest, now: datetime) -> list[RenderableType]:
    state = item.get("status", {})
    phase = str(state.get("phase", "Pending"))
    conditions = {condition["type"]: condition for condition in state.get("conditions", ())}
    created = datetime.fromisoformat(item["metadata"]["creationTimestamp"])
    return [
        f"{item['kind'].lower()}/{item['metadata']['name']}",
        Text(phase, style=_PHASE_STYLES.get(phase, "cyan")),
        _ready(conditions.get("Ready"), item["metadata"]["generation"]),
        _progress(state.get("progress", {})),
        Text(" ").join(_sign(condition) for kind, condition in conditions.items() if kind not in _ELSEWHERE),
        _age(now - created),
    ]


def _ready(condition: Manifest | None, generation: int) -> Text:
    """A condition of an older spec says nothing about this one."""
    if condition is None or condition.get("observedGeneration", generation) < generation:
        return Text("not looked at yet", style="dim")
    return Text(condition["reason"], style="green" if condition["status"] == "True" else "yellow")


def _sign(condition: Manifest) -> Text:
    sign, style = _SIGNS[condition["status"]]
    return Text(f"{condition['type']}{sign}", style=style)


def _progress(progress: Manifest) -> RenderableType:
    if "total" not in progress:
        return Text()
    done = progress.get("sold", progress.get("done", 0))
    row = Table.grid(padding=(0, 1))
    row.add_row(ProgressBar(total=max(1, progress["total"]), completed=done, width=8), f"{done}/{progress['total']}")
    return row


def _age(age: timedelta) -> str:
    seconds = max(0, int(age.total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
