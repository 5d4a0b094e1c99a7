"""The two Helm releases and the custom resource definitions they rely on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from amazonlite_cli.cluster.base import Cluster
from amazonlite_cli.deploy.services import SERVICES
from amazonlite_cli.paths import NAMESPACE, REPO

CHARTS = REPO / "charts"


def apply_definitions(cluster: Cluster) -> int:
    """Custom resource definitions of the shop and of the Gateway API, in force when this returns; how many."""
    own = [
        path for path in sorted((REPO / "crds").glob("*.yaml")) if "kind: CustomResourceDefinition" in path.read_text()
    ]
    paths = [*own, Path(cluster.gateway_api())]
    files = [word for path in paths for word in ("-f", str(path))]
    applied = cluster.kubectl("apply", "--server-side", "--force-conflicts", "-o", "name", *files).split()
    definitions = [name for name in applied if name.startswith("customresourcedefinition")]
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", *definitions)
    return len(definitions)


def apply_policies(cluster: Cluster) -> int:
    """Admission policies of the repository; how many files."""
    files = sorted((REPO / "policies").glob("*.yaml"))
    if files:
        words = [word for path in files for word in ("-f", str(path))]
        cluster.kubectl("apply", "--server-side", "--force-conflicts", "-n", NAMESPACE, *words)
    return len(files)


def _forget_interrupted(cluster: Cluster, release: str) -> None:
    """A Helm that was killed leaves its revision pending, and every later one would refuse to start."""
    pending = "status in (pending-install,pending-upgrade,pending-rollback)"
    cluster.kubectl(
        "delete", "secret", "-n", NAMESPACE, "--ignore-not-found", "-l", f"owner=helm,name={release},{pending}"
    )


def install(cluster: Cluster, release: str, values: Mapping[str, Any]) -> None:
    """Installs or upgrades a chart of `charts/`; returns when the objects are written, not when pods are ready."""
    chart = CHARTS / release
    _forget_interrupted(cluster, release)
    own = ["-f", str(chart / cluster.values)] if (chart / cluster.values).exists() else []
    options = ["--namespace", NAMESPACE, "--history-max", "3", "--timeout", "5m"]
    cluster.helm("upgrade", "--install", release, str(chart), *own, "-f", "-", *options, stdin=json.dumps(values))


def written_services() -> dict[str, dict[str, Any]]:
    """Switches off the services of the chart that this checkout has no program for."""
    roots = {name: REPO / "services" / "amazonlite" / name for name in SERVICES}
    roots["operator"] = REPO / "operator" / "amazonlite_operator"
    return {name: {"enabled": (path / "__main__.py").exists()} for name, path in roots.items()}
