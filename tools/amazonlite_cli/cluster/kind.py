"""The cluster where a Docker daemon answers: kind, official store images, the application image by `docker build`."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from amazonlite_cli.cluster.base import SHOP_PORT, Say
from amazonlite_cli.command import CommandFailed, follow, output_of
from amazonlite_cli.images import application, layers
from amazonlite_cli.images.recipe import Recipe
from amazonlite_cli.paths import KUBECONFIG, REPO

_NAME = "amazonlite"
_NODE = f"{_NAME}-control-plane"
_START_SECONDS = 120
_ADDONS = str(REPO / "tools" / "localkube" / "addons")
_RESOLV = "nameserver {dns}\nsearch amazonlite.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n"


class KindCluster:
    name = "kind"
    values = "values-kind.yaml"

    def build(self, say: Say) -> None:
        """Nothing: kind, kubectl and helm come with the machine."""

    def start(self, say: Say) -> None:
        KUBECONFIG.parent.mkdir(exist_ok=True)
        config = KUBECONFIG.with_name("kind-config.yaml")
        config.write_text((REPO / "kind-config.yaml").read_text().replace("hostPort: 8080", f"hostPort: {SHOP_PORT}"))
        if _NAME in output_of(["kind", "get", "clusters"]).split():
            output_of(["docker", "start", _NODE])
        else:
            follow(
                [
                    "kind",
                    "create",
                    "cluster",
                    "--name",
                    _NAME,
                    "--config",
                    str(config),
                    "--wait",
                    "120s",
                ],
                say,
            )
        KUBECONFIG.write_text(output_of(["kind", "get", "kubeconfig", "--name", _NAME]))
        self._wait_until_it_answers()

    def _wait_until_it_answers(self) -> None:
        """A node that was stopped needs some seconds until its API server does."""
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                self.kubectl("get", "--raw", "/readyz")
                return
            except CommandFailed:
                if time.monotonic() > deadline:
                    raise
                time.sleep(1)

    def kubeconfig(self) -> Path:
        return KUBECONFIG

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        return output_of(["kubectl", "--kubeconfig", str(KUBECONFIG), *arguments], stdin=stdin)

    def helm(self, *arguments: str, stdin: str | None = None) -> str:
        return output_of(["helm", "--kubeconfig", str(KUBECONFIG), *arguments], stdin=stdin)

    def recipes(self) -> Sequence[Recipe]:
        return [application.recipe()]

    def load(self, recipe: Recipe, say: Say) -> bool:
        if recipe.reference in output_of(["docker", "exec", _NODE, "crictl", "images", "-o", "json"]):
            return False
        context = layers.BUILD / recipe.name
        for content in recipe.context.values():
            say(f"assembling {content.prepare().name}")
        follow(["docker", "build", "-t", recipe.reference, "-f", str(recipe.dockerfile), str(context)], say)
        follow(["kind", "load", "docker-image", "--name", _NAME, recipe.reference], say)
        return True

    def chart_values(self, recipes: Sequence[Recipe]) -> dict[str, dict[str, Any]]:
        return {"platform": {"image": recipes[0].reference}, "stores": {}}

    def gateway_api(self) -> str:
        module = ["go", "-C", _ADDONS, "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/gateway-api"]
        output_of(["go", "-C", _ADDONS, "mod", "download", "sigs.k8s.io/gateway-api"])
        return output_of(module).strip() + "/config/crd/standard"

    def publish(self) -> None:
        """Nothing: kind-config.yaml maps the port to the gateway's node port."""

    def inside(self) -> list[str]:
        dns = self.kubectl("-n", "kube-system", "get", "service", "kube-dns", "-o", "jsonpath={.spec.clusterIP}")
        resolv = KUBECONFIG.parent / "resolv.conf"
        resolv.write_text(_RESOLV.format(dns=dns))
        process = output_of(["docker", "inspect", "-f", "{{.State.Pid}}", _NODE]).strip()
        mount = f'mount --bind {resolv} /etc/resolv.conf && exec "$@"'
        enter = ["nsenter", f"--net=/proc/{process}/ns/net", "unshare", "--mount", "--propagation", "private"]
        become_root = [] if os.geteuid() == 0 else ["sudo", "-E"]
        return [*become_root, *enter, "sh", "-c", mount, "sh", "env", f"KUBECONFIG={KUBECONFIG}"]

    def stop(self, say: Say) -> None:
        """The node is stopped, not deleted: the stores' volumes are inside of it."""
        if _NAME in output_of(["kind", "get", "clusters"]).split():
            follow(["docker", "stop", _NODE], say)
        KUBECONFIG.unlink(missing_ok=True)

    def purge(self, say: Say) -> None:
        follow(["kind", "delete", "cluster", "--name", _NAME], say)
