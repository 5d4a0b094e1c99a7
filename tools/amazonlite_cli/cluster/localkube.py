"""The cluster without Docker: the programs of `tools/localkube`, the images made by `amazonlite_cli.images`."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from amazonlite_cli.cluster.base import SHOP_PORT, Say
from amazonlite_cli.command import follow, output_of
from amazonlite_cli.images import application, archive, layers, stores
from amazonlite_cli.images.recipe import REGISTRY, Recipe
from amazonlite_cli.paths import HOME, KUBECONFIG, REPO

_SCRIPT = str(REPO / "tools" / "localkube" / "localkube.sh")
_VOLUMES = HOME / "volumes"
_STORE_USER = 10001


class Localkube:
    name = "localkube"
    values = "values-localkube.yaml"

    def build(self, say: Say) -> None:
        follow([_SCRIPT, "build"], say)

    def start(self, say: Say) -> None:
        follow([_SCRIPT, "up"], say)
        KUBECONFIG.parent.mkdir(exist_ok=True)
        KUBECONFIG.unlink(missing_ok=True)
        with os.fdopen(os.open(KUBECONFIG, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(self.kubeconfig().read_text())

    def kubeconfig(self) -> Path:
        return Path(output_of([_SCRIPT, "kubeconfig"]).strip())

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        return output_of([_SCRIPT, "kubectl", *arguments], stdin=stdin)

    def helm(self, *arguments: str, stdin: str | None = None) -> str:
        return output_of([_SCRIPT, "helm", *arguments], stdin=stdin)

    def recipes(self) -> Sequence[Recipe]:
        return [application.recipe(), *stores.recipes()]

    def load(self, recipe: Recipe, say: Say) -> bool:
        if recipe.reference in output_of([_SCRIPT, "images"]).split():
            return False
        say(f"making {recipe.name}")
        image = recipe.image()
        say(f"loading {recipe.name}")
        try:
            self._send(image, present=set(output_of([_SCRIPT, "blobs"]).split()))
        except RuntimeError:
            self._send(image, present=set())  # the node dropped a layer meanwhile
        layers.sweep()
        return True

    def _send(self, image: archive.Image, present: set[str]) -> None:
        with tempfile.NamedTemporaryFile(dir=layers.CACHE, suffix=".tar") as file:
            archive.write(image, Path(file.name), present)
            output_of([_SCRIPT, "load", file.name])

    def chart_values(self, recipes: Sequence[Recipe]) -> dict[str, dict[str, Any]]:
        images = {recipe.name: recipe.reference for recipe in recipes}
        for store in (recipe.name for recipe in recipes if recipe.name != "app"):
            path = _VOLUMES / store
            path.mkdir(parents=True, exist_ok=True)
            os.chown(path, _STORE_USER, _STORE_USER)
        return {
            "platform": {"image": images.pop("app")},
            "stores": {name: {"image": image} for name, image in images.items()}
            | {"volumes": {"hostPath": str(_VOLUMES)}},
        }

    def gateway_api(self) -> str:
        return str(HOME / "gateway-api")

    def publish(self) -> None:
        output_of([_SCRIPT, "publish", str(SHOP_PORT), "gateway.amazonlite.svc.cluster.local", "8000"])
        output_of([_SCRIPT, "prune", f"{REGISTRY}/app"])

    def inside(self) -> list[str]:
        return [_SCRIPT, "exec"]

    def stop(self, say: Say) -> None:
        follow([_SCRIPT, "down"], say)
        KUBECONFIG.unlink(missing_ok=True)

    def purge(self, say: Say) -> None:
        if _VOLUMES.exists():
            shutil.rmtree(_VOLUMES)
        say("deleted")
