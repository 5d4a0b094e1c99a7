"""Who may read and write which topic: a service sends its own events, takes those it handles, and nothing else.

So whoever reaches the broker with the account of one service, or with none, forges no event of another one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import yaml
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    KafkaAdminClient,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
)
from kafka.errors import NoError

from amazonlite.common.events.topics import READERS, TOPICS, dlq_of

PATH = Path("charts/stores/files/kafka-users.yaml")

Grant = tuple[str, ResourceType, str, ACLOperation]
"""Service, and what it may do to which resource."""


def grants(readers: Mapping[str, Iterable[str]] = READERS) -> set[Grant]:
    """All that services need: write implies describe, and a group's members commit what they have read."""
    own = {(topic.sender, ResourceType.TOPIC, topic.name, ACLOperation.WRITE) for topic in TOPICS}
    return own | {grant for service, topics in readers.items() for grant in _reading(service, topics)}


def _reading(service: str, topics: Iterable[str]) -> Iterator[Grant]:
    yield service, ResourceType.GROUP, service, ACLOperation.READ
    for topic in topics:
        yield service, ResourceType.TOPIC, topic, ACLOperation.READ
        yield service, ResourceType.TOPIC, dlq_of(topic), ACLOperation.WRITE


def provision_access(admin: KafkaAdminClient) -> tuple[int, int]:
    """How many rights were granted and taken back, so that exactly those of ``grants`` are left.

    Raises SecurityDisabledError on a broker without an authorizer, where everybody may do everything.
    """
    there = _present(admin)
    wanted = {_key(acl): acl for acl in map(_acl, grants())}
    missing = [acl for key, acl in wanted.items() if key not in there]
    surplus = [acl for key, acl in there.items() if key not in wanted]
    if missing:
        _checked(admin.create_acls(missing)["failed"])
    if surplus:
        for _, _, error in admin.delete_acls([_filter_of(acl) for acl in surplus]):
            if error is not NoError:
                raise error()
    return len(missing), len(surplus)


def _acl(grant: Grant) -> ACL:
    service, kind, name, operation = grant
    return ACL(f"User:{service}", "*", operation, ACLPermissionType.ALLOW, ResourcePattern(kind, name))


def _present(admin: KafkaAdminClient) -> dict[tuple[object, ...], ACL]:
    anything = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)
    found, error = admin.describe_acls(ACLFilter(None, None, ACLOperation.ANY, ACLPermissionType.ANY, anything))
    if error is not NoError:
        raise error()
    return {_key(acl): acl for acl in found}


def _key(acl: ACL) -> tuple[object, ...]:
    pattern = acl.resource_pattern
    where = (pattern.resource_type, pattern.resource_name, pattern.pattern_type)
    return acl.principal, acl.host, acl.operation, acl.permission_type, *where


def _filter_of(acl: ACL) -> ACLFilter:
    pattern = acl.resource_pattern
    exactly = ResourcePatternFilter(pattern.resource_type, pattern.resource_name, pattern.pattern_type)
    return ACLFilter(acl.principal, acl.host, acl.operation, acl.permission_type, exactly)


def _checked(failed: Iterable[tuple[ACL, type[Exception]]]) -> None:
    for acl, error in failed:
        raise error(f"{acl.principal} on {acl.resource_pattern.resource_name}")


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
