"""kind where a Docker daemon answers, localkube elsewhere or when LOCALKUBE=1."""

from __future__ import annotations

from amazonlite_cli.cluster.base import Cluster, docker_answers
from amazonlite_cli.cluster.kind import KindCluster
from amazonlite_cli.cluster.localkube import Localkube


def choose() -> Cluster:
    """The cluster this machine is for."""
    return KindCluster() if docker_answers() else Localkube()
