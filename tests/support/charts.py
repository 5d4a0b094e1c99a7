"""The charts as Helm renders them, without a cluster."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any

import yaml

from amazonlite_cli.paths import HOME, REPO

IMAGE = "registry.invalid/amazonlite/app:content"


class DoesNotRender(Exception):
    """Holds what Helm said."""


def rendered(chart: str, values: str, **given: Any) -> list[Mapping[str, Any]]:
    """The objects of `charts/CHART` with one of its values files, and more values given."""
    folder = REPO / "charts" / chart
    command = [_helm(), "template", chart, str(folder), "-f", str(folder / values), "-f", "-", "-n", "amazonlite"]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=False)
    if done.returncode:
        raise DoesNotRender(done.stderr)
    return [found for found in yaml.safe_load_all(done.stdout) if found]


def environment_of(objects: list[Mapping[str, Any]], deployment: str) -> dict[str, str]:
    """The literal values in the environment of a deployment's container."""
    (found,) = [each for each in objects if (each["kind"], each["metadata"]["name"]) == ("Deployment", deployment)]
    (container,) = found["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each["value"] for each in container["env"] if "value" in each}


def _helm() -> str:
    own = HOME / "bin" / "helm"  # where the local cluster keeps its programs
    found = str(own) if own.exists() else shutil.which("helm")
    if found is None:
        raise FileNotFoundError(f"no helm: {own} comes with `make up`, or install Helm.")
    return found
