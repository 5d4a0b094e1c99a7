"""Credentials of the platform: made at random once, kept only in the cluster, never in Git or in Helm values.

What is derived from them (the servers' account files) is computed again every time, so that a server whose volume
outlived the cluster takes the new passwords when it starts.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from amazonlite_cli.deploy.services import having

Secret = dict[str, str]
Secrets = dict[str, Secret]

DATABASES: Mapping[str, str] = having("database")
"""Database of each service that has one in MySQL."""
REDIS_KEYS: Mapping[str, Sequence[str]] = having("redis")
"""Key patterns each service may touch; it may touch no others."""
MONGO_DATABASES: Mapping[str, str] = having("mongo")
"""Database of each service that has one in MongoDB."""
KAFKA_USERS = tuple(sorted(having("kafka")))
"""The services that send or take events."""
CLIENTS: Mapping[str, Sequence[str]] = {
    **having("client"),
    "load": ("staff:tokens", "staff:stock", "staff:catalogue", "ledger:read"),
}
"""Scopes of each client of the auth service: the calls that its program makes, and no others."""
SIGNING = "auth-signing"


def password() -> str:
    return secrets.token_urlsafe(24)


def _mysql(user: str) -> Secret:
    return {"user": user, "password": password(), "migrate-user": f"{user}-migrate", "migrate-password": password()}


def _redis(user: str) -> Secret:
    return {"url": f"redis://{user}:{password()}@redis:6379/0"}


def _signing_key() -> Secret:
    """One key, named by its time of birth: the newest name signs, so a rotation only adds one."""
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {f"{datetime.now(UTC):%Y%m%d%H%M%S}-{secrets.token_hex(3)}.pem": pem.decode()}


def _makers() -> dict[str, Callable[[], Secret]]:
    made: dict[str, Callable[[], Secret]] = {
        "mysql-root": lambda: {"password": password()},
        "redis-admin": lambda: _redis("admin"),
        "kafka-admin": lambda: {"password": password()},
        "mongodb-root": lambda: {"password": password()},
        SIGNING: _signing_key,
        "queue-ticket": lambda: {"key": secrets.token_hex(32)},
        "payment-webhook": lambda: {"secret": password()},
    }
    made |= {f"mysql-{service}": lambda user=service: _mysql(user) for service in DATABASES}  # type: ignore[misc]
    made |= {f"redis-{service}": lambda user=service: _redis(user) for service in REDIS_KEYS}  # type: ignore[misc]
    # localkube's stand-in knows no accounts, and lets in whoever reaches it
    made |= {
        f"mongodb-{service}": lambda: {"url": "mongodb://mongodb:27017/", "password": password()}
        for service in MONGO_DATABASES
    }
    made |= {f"kafka-{service}": lambda: {"password": password()} for service in KAFKA_USERS}
    made |= {f"client-{name}": lambda name=name: {"id": name, "secret": secrets.token_hex(32)} for name in CLIENTS}  # type: ignore[misc]
    return made


NAMES = frozenset(_makers())
"""Of Secrets that are made, whatever their type: a vault's operator may keep one of another type."""


def missing(existing: Secrets) -> Secrets:
    """Secrets that are not there yet, or only in part, with fresh random values for what they lack."""
    whole = {name: {**make(), **existing.get(name, {})} for name, make in _makers().items()}
    if signing := existing.get(SIGNING):  # named by their times of birth: with any one key it is whole
        whole[SIGNING] = signing
    return {name: secret for name, secret in whole.items() if secret != existing.get(name)}


def _account(user: str, word: str) -> list[str]:
    return [f"CREATE USER IF NOT EXISTS '{user}'@'%';", f"ALTER USER '{user}'@'%' IDENTIFIED BY '{word}';"]


def mysql_accounts(known: Secrets) -> str:
    """SQL, a statement a line: a database a service, and two accounts on it; it may be run again.

    The service's own account changes rows and nothing else; only the migrations' account changes the schema.
    """
    lines: list[str] = []
    for service, database in DATABASES.items():
        secret = known[f"mysql-{service}"]
        lines.append(f"CREATE DATABASE IF NOT EXISTS `{database}` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;")
        lines += _account(secret["user"], secret["password"]) + _account(
            secret["migrate-user"], secret["migrate-password"]
        )
        lines.append(f"GRANT SELECT, INSERT, UPDATE, DELETE ON `{database}`.* TO '{secret['user']}'@'%';")
        lines.append(f"GRANT ALL PRIVILEGES ON `{database}`.* TO '{secret['migrate-user']}'@'%';")
    return "\n".join(lines) + "\n"


def mysql_server(known: Secrets) -> str:
    """What the charts' own server runs at every start: its administrator's password, then the accounts."""
    root = known["mysql-root"]["password"]
    lines = [f"ALTER USER 'root'@'localhost' IDENTIFIED BY '{root}';", *_account("root", root)]
    lines.append("GRANT ALL PRIVILEGES ON *.* TO 'root'@'%' WITH GRANT OPTION;")
    # made without a password when the system tables are
    lines.append("DROP USER IF EXISTS 'root'@'127.0.0.1', 'root'@'::1', 'root'@'mysql-0';")
    return "\n".join([*lines, mysql_accounts(known)])


def _redis_user(name: str, url: str, rights: str) -> str:
    """A URL without a password is one of a server whose accounts are kept elsewhere: here nobody gets in by it."""
    word = urlsplit(url).password
    allowed = f"on #{hashlib.sha256(unquote(word).encode()).hexdigest()}" if word else "off resetpass"
    return f"user {name} {allowed} {rights}"


def redis_users(known: Secrets) -> str:
    """The access list: a service reaches its own key prefixes, and no command that administers the server."""
    # Nobody can log in as `default`, but Redis reads its own AOF as this user: without rights it would refuse, at its
    # start, every group of commands that a script had written.
    lines = ["user default off ~* &* +@all", _redis_user("admin", known["redis-admin"]["url"], "~* &* +@all")]
    for name, patterns in REDIS_KEYS.items():
        reach = " ".join(f"~{pattern} &{pattern}" for pattern in patterns)
        rights = f"resetchannels {reach} +@all -@dangerous"
        lines.append(_redis_user(name, known[f"redis-{name}"]["url"], rights))
    return "\n".join(lines) + "\n"


def kafka_users(known: Secrets) -> str:
    """The broker's accounts, as its login module wants them on one line."""
    words = {name: known[f"kafka-{name}"]["password"] for name in ("admin", *KAFKA_USERS)}
    users = " ".join(f'user_{name}="{word}"' for name, word in words.items())
    return f"org.apache.kafka.common.security.plain.PlainLoginModule required {users};"


def mongodb_accounts(known: Secrets) -> str:
    """What an official image runs when its volume is new: a service's account, for its own database and no other."""
    lines = []
    for service, database in MONGO_DATABASES.items():
        user = {"user": service, "pwd": known[f"mongodb-{service}"]["password"], "roles": ["readWrite"]}
        lines.append(f"db.getSiblingDB({json.dumps(database)}).createUser({json.dumps(user)});\n")
    return "".join(lines)


def auth_clients(known: Secrets) -> Secret:
    """What the auth service knows of its clients: a hash of the secret, never the secret."""
    return {
        name: json.dumps(
            {
                "secretHash": hashlib.sha256(known[f"client-{name}"]["secret"].encode()).hexdigest(),
                "scopes": list(scopes),
            }
        )
        for name, scopes in CLIENTS.items()
    }


def derived(known: Secrets) -> Secrets:
    """The servers' account files for the credentials in `known`."""
    return {
        "mysql-accounts": {"accounts.sql": mysql_accounts(known), "server.sql": mysql_server(known)},
        "redis-users": {"users.acl": redis_users(known)},
        "kafka-users": {"jaas": kafka_users(known)},
        "mongodb-accounts": {"accounts.js": mongodb_accounts(known)},
        "auth-clients": auth_clients(known),
    }


def wanted(known: Secrets) -> Secrets:
    """What an installation applies: what is missing, and everything that is derived, whether or not it is there."""
    new = missing(known)
    return {**new, **derived({**known, **new})}


def due(known: Secrets) -> Secrets:
    """What of it has to be written: what is missing, or is derived from others that have changed."""
    return {name: secret for name, secret in wanted(known).items() if known.get(name) != secret}


def manifest(found: Secrets, namespace: str) -> str:
    """The Secrets as one document for the API server."""
    items = [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": namespace, "labels": {"app.kubernetes.io/part-of": "amazonlite"}},
            "data": {key: base64.b64encode(value.encode()).decode() for key, value in values.items()},
        }
        for name, values in found.items()
    ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def read(listing: str) -> Secrets:
    """The reverse of `manifest`, from `kubectl get secrets -o json`."""
    return {
        item["metadata"]["name"]: {
            key: base64.b64decode(value).decode() for key, value in (item.get("data") or {}).items()
        }
        for item in json.loads(listing)["items"]
        if item["type"] == "Opaque" or item["metadata"]["name"] in NAMES
    }
