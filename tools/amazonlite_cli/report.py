"""``amazonlite report KIND/NAME``: the evidence of a custom resource, shown only if its status vouches for it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from kubernetes import client
from rich.console import Console
from rich.markdown import Markdown

from amazonlite_cli.errors import CommandError
from amazonlite_cli.kinds import find_kind
from amazonlite_cli.kube import Resources, connect
from amazonlite_cli.paths import NAMESPACE
from amazonlite_cli.progress import explained

JSON_KEY, MARKDOWN_KEY = "evidence.json", "evidence.md"
_KEPT = "everything; a report only reads"


def report(
    resource: Annotated[str, typer.Argument(help="KIND/NAME, such as flashsale/demo or fs/demo.", metavar="KIND/NAME")],
) -> None:
    """Print the evidence a custom resource left, after checking it against the digest in its status."""
    with explained():
        markdown = read_evidence(connect(), resource)
    console = Console()
    console.print(Markdown(markdown))


def read_evidence(api: client.ApiClient, resource: str) -> str:
    """The verified Markdown. Raises ``CommandError`` when there is none, or when it is not what was written."""
    kind, _, name = resource.partition("/")
    if not name:
        raise CommandError("not_a_resource", f"{resource!r} is not KIND/NAME", _KEPT, "try flashsale/demo")
    found = Resources(api, find_kind(api, kind).plural).get(name)
    if found is None:
        raise CommandError("not_found", f"there is no {resource}", _KEPT, "amazonlite status")
    return verified(_evidence(api, found, resource), found["status"]["evidence"]["sha256"])


def _evidence(api: client.ApiClient, found: Mapping[str, Any], resource: str) -> Mapping[str, str]:
    status = found.get("status", {})
    if "evidence" not in status:
        phase = status.get("phase", "Pending")
        raise CommandError(
            "no_evidence_yet", f"{resource} is {phase}", _KEPT, "it is written at the end: amazonlite status"
        )
    name = status["evidence"]["configMap"]
    try:
        data: Mapping[str, str] = client.CoreV1Api(api).read_namespaced_config_map(name, NAMESPACE).data or {}
    except client.ApiException as error:
        raise CommandError(
            "evidence_gone", f"ConfigMap {name}: {error.reason}", _KEPT, "restore it from a backup"
        ) from error
    return data


def verified(data: Mapping[str, str], digest: str) -> str:
    """The Markdown, if JSON and Markdown together have the digest."""
    text = data.get(JSON_KEY, "") + data.get(MARKDOWN_KEY, "")
    if hashlib.sha256(text.encode()).hexdigest() != digest:
        what = "the ConfigMap does not have the digest that the status gives; somebody has changed one of them"
        raise CommandError("evidence_altered", what, _KEPT, "do not rely on it; compare with a backup")
    return data[MARKDOWN_KEY]
