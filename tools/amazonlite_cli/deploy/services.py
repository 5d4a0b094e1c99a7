"""The services of the shop, as the platform's chart lists them: its values.yaml is the one place that names a service.

Deployment, Service, routes and accounts follow from there, and what is made here from `SERVICES`: databases and their
accounts, key patterns of Redis, clients of the auth service and their scopes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from amazonlite_cli.paths import REPO

SERVICES: Mapping[str, Mapping[str, Any]] = yaml.safe_load((REPO / "charts/platform/values.yaml").read_text())[
    "services"
]


def having(key: str) -> dict[str, Any]:
    """What each service that names `key` says of it."""
    return {name: service[key] for name, service in SERVICES.items() if key in service}
