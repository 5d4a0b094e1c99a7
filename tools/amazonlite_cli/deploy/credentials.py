"""Brings the cluster's Secrets up to date, and hands test programs what they need of them."""

from __future__ import annotations

import hashlib

from amazonlite_cli.cluster.base import Cluster
from amazonlite_cli.deploy import secrets
from amazonlite_cli.paths import NAMESPACE

_NAMESPACE = f"""
apiVersion: v1
kind: Namespace
metadata: {{name: {NAMESPACE}, labels: {{app.kubernetes.io/part-of: amazonlite}}}}
"""


def ensure(cluster: Cluster) -> secrets.Secrets:
    """Every Secret of the platform, all present in the cluster; those that existed keep their values."""
    cluster.kubectl("apply", "--server-side", "-f", "-", stdin=_NAMESPACE)
    known = _known(cluster)
    due = secrets.due(known)
    if due:
        document = secrets.manifest(due, NAMESPACE)
        cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=document)
    return {**known, **due}


def _known(cluster: Cluster) -> secrets.Secrets:
    return secrets.read(cluster.kubectl("get", "secrets", "-n", NAMESPACE, "-o", "json"))


def digests(known: secrets.Secrets) -> dict[str, dict[str, str]]:
    """Values that make a store server start again when its accounts change; hashes of random words tell nothing."""

    def short(name: str) -> str:
        return hashlib.sha256(repr(sorted(known[name].items())).encode()).hexdigest()[:16]

    return {
        "mysql": {"initialDigest": short("mysql-accounts")},
        "redis": {"usersDigest": short("redis-users")},
        "kafka": {"usersDigest": short("kafka-users")},
    }


def test_environment(cluster: Cluster) -> dict[str, str]:
    """Where tests that run with the cluster's network find its stores and services."""
    known = _known(cluster)
    return {
        "TEST_MYSQL_HOST": "mysql",
        "TEST_MYSQL_PORT": "3306",
        "TEST_MYSQL_ROOT_PASSWORD": known["mysql-root"]["password"],
        "TEST_REDIS_URL": known["redis-admin"]["url"],
        "TEST_KAFKA": "kafka:9092",
        "TEST_KAFKA_USER": "admin",
        "TEST_KAFKA_PASSWORD": known["kafka-admin"]["password"],
        "TEST_MONGO_URL": known["mongodb-product"]["url"],
        "GATEWAY_URL": "http://gateway:8000",
        "AUTH_URL": "http://auth:8000",
        "AUTH_CLIENT_ID": known["client-load"]["id"],
        "AUTH_CLIENT_SECRET": known["client-load"]["secret"],
    }
