"""``amazonlite up``: from a checkout to a shop that answers, as often as you like."""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any

from amazonlite_cli.cluster.base import SHOP_URL, Cluster
from amazonlite_cli.cluster.choose import choose
from amazonlite_cli.command import CommandFailed
from amazonlite_cli.deploy import charts, credentials, ready
from amazonlite_cli.errors import CommandError
from amazonlite_cli.exclusive import exclusive
from amazonlite_cli.images.recipe import Recipe
from amazonlite_cli.paths import NAMESPACE
from amazonlite_cli.progress import Step, console, explained, step

_AGAIN = "run `amazonlite up` again; finished steps are not repeated"
_DATA = "data in the stores' volumes"
_STORES = "app.kubernetes.io/component=store"
_PLATFORM = "app.kubernetes.io/part-of=amazonlite,app.kubernetes.io/component!=store"


def up() -> None:
    """Start or update the cluster and the shop; done when every pod is Ready and the shop answers."""
    started = time.monotonic()
    with explained(), exclusive():
        cluster = choose()
        _prepare(cluster)
        recipes = _images(cluster)
        values = cluster.chart_values(recipes)
        _stores(cluster, values["stores"])
        _platform(cluster, values["platform"])
        _answer(cluster)
    console.print(f"\nThe shop is on {SHOP_URL} after {time.monotonic() - started:.0f} s.")


def _prepare(cluster: Cluster) -> None:
    with step("preflight", "preflight_failed", kept="everything", next_step="see the message") as now:
        if cluster.name == "localkube" and os.geteuid() != 0:
            raise CommandError(
                "needs_root",
                "localkube makes network namespaces and containers",
                "everything",
                "run as root, or start Docker",
            )
        now.detail(cluster.name)
    with step("binaries", "build_failed", kept="the cluster as it was", next_step=_AGAIN) as now:
        cluster.build(now.detail)
    with step("cluster", "cluster_not_ready", kept=_DATA, next_step=_AGAIN) as now:
        cluster.start(now.detail)
        now.detail(cluster.kubectl("get", "nodes", "--no-headers").split("\n")[0])


def _images(cluster: Cluster) -> Sequence[Recipe]:
    with step("images", "image_not_made", kept="the running pods", next_step=_AGAIN) as now:
        recipes = cluster.recipes()
        loaded = [recipe.name for recipe in recipes if cluster.load(recipe, now.detail)]
        now.detail(f"made {', '.join(loaded)}" if loaded else "all current")
    return recipes


def _stores(cluster: Cluster, values: dict[str, Any]) -> None:
    with step("secrets", "secrets_not_written", kept="existing Secrets are never changed", next_step=_AGAIN) as now:
        known = credentials.ensure(cluster)
        now.detail(f"{len(known)} in the cluster")
    with step("definitions", "definitions_refused", kept="existing custom resources", next_step=_AGAIN) as now:
        now.detail(f"{charts.apply_definitions(cluster)} kinds, {charts.apply_policies(cluster)} policy files")
    with step("stores", "stores_not_ready", kept=_DATA, next_step=_AGAIN) as now:
        digests = credentials.digests(known)
        charts.install(cluster, "stores", values | {name: values.get(name, {}) | digests[name] for name in digests})
        ready.wait(cluster, now.detail, selector=_STORES, within=240)


def _platform(cluster: Cluster, values: dict[str, Any]) -> None:
    with step(
        "platform",
        "platform_not_ready",
        kept=f"{_DATA}; the previous pods serve until new ones are ready",
        next_step=_AGAIN,
    ) as now:
        now.detail("topics, then services")
        try:
            own = {"services": charts.written_services(), "instance": _instance(cluster)}
            charts.install(cluster, "platform", values | own)
        except CommandFailed as failed:
            raise OSError(f"{failed}\n{ready.diagnosis(cluster, 'topics')}") from failed
        ready.wait(cluster, now.detail, selector=_PLATFORM, within=300)


def _instance(cluster: Cluster) -> str:
    """What tells this shop from any other: its namespace's uid."""
    return cluster.kubectl("get", "namespace", NAMESPACE, "-o", "jsonpath={.metadata.uid}").strip()


def _answer(cluster: Cluster) -> None:
    with step(
        "shop",
        "shop_not_answering",
        kept="everything; the pods run",
        next_step="see .local/kubeconfig and the gateway's log",
    ) as now:
        cluster.publish()
        eventually_answered(_instance(cluster), now)


def eventually_answered(instance: str, now: Step, within: float = 30) -> None:
    """The whole way from this machine to this shop's gateway works: the only proof that counts.

    Raises CommandError when another program answers where the shop should.
    """
    deadline = time.monotonic() + within
    while (told := _told()) != instance:
        if time.monotonic() > deadline:
            raise TimeoutError(f"GET {SHOP_URL}/healthz: no answer") if told is None else _taken()
        time.sleep(0.3)
    now.detail(f"GET {SHOP_URL}/healthz 200")


def _taken() -> CommandError:
    what = f"{SHOP_URL} is answered by another program, not by this cluster's gateway"
    return CommandError("port_taken", what, "everything; the pods run", "stop it, or: AMAZONLITE_PORT=8081 make up")


def _told() -> str | None:
    """The instance that answers; empty for a program that is no shop, None when nothing answers."""
    try:
        with urllib.request.urlopen(f"{SHOP_URL}/healthz", timeout=5) as answer:  # noqa: S310 - http, and loopback
            return str(json.load(answer)["instance"])
    except urllib.error.HTTPError:
        return ""
    except OSError:
        return None
    except (ValueError, TypeError, LookupError):
        return ""
