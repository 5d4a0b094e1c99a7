"""``amazonlite inside``: a program of this machine with the cluster's network, DNS and test credentials."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from amazonlite_cli.cluster.choose import choose
from amazonlite_cli.deploy.credentials import test_environment
from amazonlite_cli.exclusive import in_use
from amazonlite_cli.kube import CHOSEN
from amazonlite_cli.progress import explained, step


def inside(command: Annotated[list[str], typer.Argument(help="Program and arguments, after `--`.")]) -> None:
    """Run a program that reaches mysql:3306, kafka:9092 and http://gateway:8000 exactly as a pod does."""
    with explained(), in_use():
        with step("credentials", "cluster_away", kept="everything", next_step="run `amazonlite up`"):
            cluster = choose()
            environment = os.environ | test_environment(cluster) | {CHOSEN: str(cluster.kubeconfig())}
            words = [*cluster.inside(), *command]
        os.execvpe(words[0], words, environment)  # noqa: S606 - the program is what the caller asked for
