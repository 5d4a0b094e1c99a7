"""Who may read and write which topic: a service sends its own events, takes those it handles, and nothing else.

So whoever reaches the broker with the account of one service, or with none, forges no event of another one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from amazonlite.common.events.topics import READERS, TOPICS, dlq_of

PATH = Path("charts/stores/files/kafka-users.yaml")

SECONDS = 30.0

Grant = tuple[str, ResourceType, str, AclOperation]
"""Service, and what it may do to which resource."""


def grants(readers: Mapping[str, Iterable[str]] = READERS) -> set[Grant]:
    """All that services need: write implies describe, and a group's members commit what they have read."""
    own = {(topic.sender, ResourceType.TOPIC, topic.name, AclOperation.WRITE) for topic in TOPICS}
    return own | {grant for service, topics in readers.items() for grant in _reading(service, topics)}


def _reading(service: str, topics: Iterable[str]) -> Iterator[Grant]:
    yield service, ResourceType.GROUP, service, AclOperation.READ
    for topic in topics:
        yield service, ResourceType.TOPIC, topic, AclOperation.READ
        yield service, ResourceType.TOPIC, dlq_of(topic), AclOperation.WRITE


def provision_access(admin: AdminClient) -> tuple[int, int]:
    """How many rights were granted and taken back, so that exactly those of ``grants`` are left.

    Raises KafkaException: with SECURITY_DISABLED by a broker without an authorizer, where everybody may do everything.
    """
    there = set(admin.describe_acls(AclBindingFilter(*_ANYTHING)).result(SECONDS))
    wanted = set(map(_binding, grants()))
    for granted in admin.create_acls(list(wanted - there)).values() if wanted - there else ():
        granted.result(SECONDS)
    for taken in admin.delete_acls(list(map(_exactly, there - wanted))).values() if there - wanted else ():
        taken.result(SECONDS)
    return len(wanted - there), len(there - wanted)


_ALLOW, _LITERAL = AclPermissionType.ALLOW, ResourcePatternType.LITERAL
# Any, since the library's types don't know that None stands for whatever it is.
_ANYTHING: Any = (ResourceType.ANY, None, ResourcePatternType.ANY, None, None, AclOperation.ANY, AclPermissionType.ANY)


def _binding(grant: Grant) -> AclBinding:
    service, kind, name, operation = grant
    return AclBinding(kind, name, _LITERAL, f"User:{service}", "*", operation, _ALLOW)


def _exactly(acl: AclBinding) -> AclBindingFilter:
    return AclBindingFilter(
        acl.restype,
        acl.name,
        acl.resource_pattern_type,
        acl.principal,
        acl.host,
        acl.operation,
        acl.permission_type,
    )


def kafka_users() -> str:
    """The same rights as Strimzi's user operator takes them, which keeps accounts and rights itself."""
    users = [_kafka_user("admin", {})]
    for service in sorted({service for service, *_ in grants()}):
        users.append(_kafka_user(service, {"type": "simple", "acls": _strimzi_acls(service)}))
    return "---\n".join(yaml.safe_dump(user, sort_keys=False) for user in users)


def _kafka_user(name: str, authorization: dict[str, object]) -> dict[str, object]:
    spec = {"authentication": {"type": "scram-sha-512"}} | ({"authorization": authorization} if authorization else {})
    labels = {"strimzi.io/cluster": "shop"}
    metadata = {"name": name, "labels": labels}
    return {"apiVersion": "kafka.strimzi.io/v1beta2", "kind": "KafkaUser", "metadata": metadata, "spec": spec}


def _strimzi_acls(service: str) -> list[dict[str, object]]:
    own = sorted((kind.name.lower(), name, operation.name) for who, kind, name, operation in grants() if who == service)
    return [
        {"resource": {"type": kind, "name": name, "patternType": "literal"}, "operations": [operation.capitalize()]}
        for kind, name, operation in own
    ]


def main() -> None:
    text = f"# Made by python -m amazonlite.common.events.access\n{kafka_users()}"
    if "--check" not in sys.argv:
        PATH.write_text(text, "utf-8")
    elif PATH.read_text("utf-8") != text:
        sys.exit(f"{PATH} is out of date: run python -m amazonlite.common.events.access")


if __name__ == "__main__":
    main()
