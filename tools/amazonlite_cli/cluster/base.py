"""What `up`, `down` and `exec` need of a cluster."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from amazonlite_cli.command import output_of
from amazonlite_cli.images.recipe import Recipe

Say = Callable[[str], None]
SHOP_PORT = int(os.environ.get("AMAZONLITE_PORT") or 8080)
SHOP_URL = f"http://127.0.0.1:{SHOP_PORT}"


class Cluster(Protocol):
    """A cluster this machine can run. Every method may be called again at any time and completes what is missing."""

    name: str
    values: str
    """The charts' values file for it."""

    def build(self, say: Say) -> None:
        """Installs and compiles what the cluster needs."""

    def start(self, say: Say) -> None:
        """The cluster answers, and `.local/kubeconfig` reaches it."""

    def kubeconfig(self) -> Path:
        """What reaches it, from this machine and from inside alike."""

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str: ...

    def helm(self, *arguments: str, stdin: str | None = None) -> str: ...

    def recipes(self) -> Sequence[Recipe]:
        """Images to be made here rather than pulled, the application's first."""

    def load(self, recipe: Recipe, say: Say) -> bool:
        """The node has the image; False when it had it before."""

    def chart_values(self, recipes: Sequence[Recipe]) -> dict[str, dict[str, Any]]:
        """Values per chart that only this machine knows."""

    def gateway_api(self) -> str:
        """A directory with the Gateway API's custom resource definitions."""

    def publish(self) -> None:
        """The gateway answers on 127.0.0.1:SHOP_PORT of this machine."""

    def inside(self) -> list[str]:
        """A command prefix that runs the rest with the cluster's network and DNS."""

    def stop(self, say: Say) -> None:
        """Nothing of it runs any more. The stores' volumes stay, and the shop's data with them."""

    def purge(self, say: Say) -> None:
        """The volumes of a stopped cluster are gone, and whatever cannot stay without them."""


def docker_answers() -> bool:
    """Whether a Docker daemon can be used here and is not to be left alone."""
    if os.environ.get("LOCALKUBE") == "1" or shutil.which("docker") is None or shutil.which("kind") is None:
        return False
    try:
        output_of(["docker", "info"])
    except RuntimeError:
        return False
    return True
