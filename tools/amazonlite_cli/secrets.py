"""``amazonlite secrets``: the Secrets that the charts expect, to be piped to kubectl."""

from __future__ import annotations

import json
import os
from typing import Annotated, Any

import typer
from kubernetes import client

from amazonlite_cli.deploy import secrets as made
from amazonlite_cli.errors import CommandError
from amazonlite_cli.kube import CHOSEN, connect
from amazonlite_cli.paths import NAMESPACE
from amazonlite_cli.progress import explained


def secrets(
    namespace: Annotated[str, typer.Option(help="Where the shop is to be installed")] = NAMESPACE,
) -> None:
    """Print the Secrets that the namespace lacks, with random values, and the lists made from all; none is replaced."""
    with explained():
        if namespace != NAMESPACE and CHOSEN not in os.environ:
            raise CommandError(
                "no_cluster_named",
                f"which cluster's namespace {namespace} lacks Secrets is not said; this checkout's own is {NAMESPACE}",
                "everything",
                f"amazonlite --kubeconfig FILE secrets --namespace {namespace}, with the file that kubectl uses",
            )
        typer.echo(made.manifest(made.wanted(_existing(namespace)), namespace))


def _existing(namespace: str) -> made.Secrets:
    api = connect()
    listed: Any = client.CoreV1Api(api).list_namespaced_secret(namespace)
    return made.read(json.dumps(api.sanitize_for_serialization(listed)))  # type: ignore[no-untyped-call]
