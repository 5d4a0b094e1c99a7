"""Every Secret and key that a pod of the charts names is one that `amazonlite secrets` makes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from amazonlite_cli.deploy import secrets
from support.charts import IMAGE, rendered

VALUES = [("stores", "values-kind.yaml"), ("platform", "values-kind.yaml"), ("platform", "values-localkube.yaml")]
PRODUCTION = ("platform", "values-production.yaml")


def named(part: Any) -> Iterator[tuple[str, str]]:
    """Secret and key, or an empty key where a whole Secret is mounted."""
    if isinstance(part, list):
        for each in part:
            yield from named(each)
    if not isinstance(part, dict):
        return
    if "secretKeyRef" in part:
        yield part["secretKeyRef"]["name"], part["secretKeyRef"]["key"]
    if "secretName" in part:
        for item in part.get("items", [{"key": ""}]):
            yield part["secretName"], item["key"]
    for each in part.values():
        yield from named(each)


@pytest.mark.parametrize(("chart", "values"), [*VALUES, PRODUCTION])
def test_pods_get_what_is_made_for_them(chart: str, values: str) -> None:
    made = secrets.wanted({})
    objects = rendered(chart, values, image=IMAGE, trustedProxies="10.0.0.0/8")
    asked = set(named([each for each in objects if each["kind"] != "KafkaUser"]))
    if (chart, values) == PRODUCTION:  # Strimzi makes a Secret of each KafkaUser's name
        asked -= {(user, "password") for user in ("admin", *secrets.KAFKA_USERS)}
    assert len(asked) > 3
    assert [each for each in sorted(asked) if each[0] not in made or (each[1] and each[1] not in made[each[0]])] == []
