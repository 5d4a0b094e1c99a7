"""MySQL refuses nobody once every service has as many pods as it may: the numbers of chart, policy and code agree."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from amazonlite_cli.deploy.services import SERVICES, having

REPO = Path(__file__).parents[3]


def values(chart: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((REPO / f"charts/{chart}/values.yaml").read_text())
    return found


def with_database() -> dict[str, dict[str, Any]]:
    return {name: dict(SERVICES[name]) for name in having("database")}


@pytest.mark.parametrize("service", sorted(with_database()))
def test_the_chart_knows_how_many_connections_a_pod_has(service: str) -> None:
    assert with_database()[service]["connections"] == import_module(f"amazonlite.{service}.app").CONNECTIONS.total


def test_all_pods_that_there_may_be_have_their_connections_and_some_are_left() -> None:
    needed = sum(one["connections"] * one["mostReplicas"] for one in with_database().values())
    (server,) = [one for one in values("stores")["mysql"]["arguments"] if one.startswith("--max-connections=")]
    assert needed <= values("platform")["databaseConnections"] <= int(server.split("=")[1]) - 40


def test_a_rollout_has_its_pods_twice() -> None:
    assert all(2 * one["replicas"] <= one["mostReplicas"] for one in with_database().values())


def test_the_policy_lets_a_sale_raise_a_service_that_far_and_no_further() -> None:
    policy = next(iter(yaml.safe_load_all((REPO / "policies/flash-sale-limits.yaml").read_text())))
    (most,) = [one["expression"] for one in policy["spec"]["variables"] if one["name"] == "mostReplicas"]
    assert json.loads(most.replace("'", '"')) == {name: one["mostReplicas"] for name, one in with_database().items()}
