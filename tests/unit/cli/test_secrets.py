"""Credentials are unguessable, are made once and kept, and an account opens no more than its service needs."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from amazonlite.auth.clients import Clients
from amazonlite.auth.domain import InvalidClient
from amazonlite.auth.keys import SigningKeys
from amazonlite_cli.cluster.base import Cluster
from amazonlite_cli.deploy import credentials, secrets
from amazonlite_cli.deploy.secrets import Secret, Secrets
from amazonlite_cli.deploy.services import having
from amazonlite_cli.paths import REPO

OPEN = {"id", "user", "migrate-user"}


def unguessable(known: Secrets) -> list[str]:
    """Every random word: the values themselves, or the password inside a URL."""
    values = [value for secret in known.values() for key, value in secret.items() if key not in OPEN]
    words = [re.sub(r".*://\w+:(.*)@.*", r"\1", value) for value in values]
    return [word for word in words if not word.startswith(("-----BEGIN", "mongodb://"))]


def folder(path: Path, secret: Secret) -> Path:
    """The secret as a pod sees it: a file a key."""
    path.mkdir()
    for name, value in secret.items():
        (path / name).write_text(value)
    return path


class Server:
    """Keeps Secrets as the API server does, and remembers which were written."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.written: list[str] = []

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        if arguments[0] == "get":
            return json.dumps({"items": list(self.items.values())})
        for item in yaml.safe_load(stdin or "").get("items", []):
            self.items[item["metadata"]["name"]] = {"type": "Opaque", **item}
            self.written.append(item["metadata"]["name"])
        return ""


def ensure(server: Server) -> Secrets:
    return credentials.ensure(cast(Cluster, server))


def test_nothing_is_made_again_for_a_cluster_that_has_it_all() -> None:
    assert secrets.missing(secrets.missing({})) == {}


def test_only_what_is_missing_is_made() -> None:
    known = secrets.missing({})
    del known["redis-auth"], known["client-order"]
    assert secrets.missing(known).keys() == {"redis-auth", "client-order"}


def test_a_secret_that_lost_a_part_gets_that_part_only() -> None:
    known = secrets.missing({})
    lost = {name: dict(secret) for name, secret in known.items()}
    del lost["mysql-order"]["migrate-password"], lost["client-order"]["id"]
    lost["auth-signing"] = {}
    made = secrets.missing(lost)
    assert made.keys() == {"mysql-order", "client-order", "auth-signing"}
    assert made["client-order"] == known["client-order"]
    assert made["mysql-order"]["password"] == known["mysql-order"]["password"]
    assert made["mysql-order"]["migrate-password"] not in ("", known["mysql-order"]["migrate-password"])
    assert len(made["auth-signing"]) == 1


def test_a_second_run_keeps_every_value_and_writes_nothing() -> None:
    server = Server()
    first = ensure(server)
    server.written.clear()
    assert ensure(server) == first
    assert server.written == []


def test_a_lost_secret_is_replaced_with_the_accounts_made_from_it_and_no_others() -> None:
    server = Server()
    first = ensure(server)
    del server.items["redis-inventory"]
    server.written.clear()
    second = ensure(server)
    assert set(server.written) == {"redis-inventory", "redis-users"}
    assert {name for name in first if first[name] != second[name]} == {"redis-inventory", "redis-users"}


def test_secrets_that_others_keep_in_the_namespace_are_not_read() -> None:
    server = Server()
    known = ensure(server)
    # what Helm stores is no text
    release = {"metadata": {"name": "sh.helm.release.v1"}, "type": "helm.sh/release.v1", "data": {"release": "/w=="}}
    server.items["sh.helm.release.v1"] = release
    assert ensure(server) == known


def test_an_empty_secret_is_read_as_one_without_values() -> None:
    assert secrets.read(json.dumps({"items": [{"metadata": {"name": "bare"}, "type": "Opaque"}]})) == {"bare": {}}


def test_two_clusters_share_no_credential_and_neither_do_two_secrets() -> None:
    words = unguessable(secrets.missing({})) + unguessable(secrets.missing({}))
    assert len(words) > 2 * len(secrets.CLIENTS)
    assert len(words) == len(set(words))


def test_every_credential_has_at_least_192_bits() -> None:
    for word in unguessable(secrets.missing({})):
        bits = 4 if re.fullmatch("[0-9a-f]+", word) else 6
        assert len(word) * bits >= 192


def test_passwords_use_their_whole_alphabet_and_nothing_that_a_url_or_sql_would_read() -> None:
    assert len(set("".join(secrets.password() for _ in range(200)))) == 64
    for word in unguessable(secrets.missing({})):
        assert re.fullmatch(r"[A-Za-z0-9_-]+", word)


def test_the_auth_service_signs_with_the_key_that_was_made(tmp_path: Path) -> None:
    secret = secrets.missing({})["auth-signing"]
    kid, private = SigningKeys(folder(tmp_path / "keys", secret)).signing(datetime.now(UTC))
    assert [f"{kid}.pem"] == list(secret)
    private.public_key().verify(private.sign(b"token"), b"token")


def test_each_cluster_signs_with_a_key_of_its_own() -> None:
    one, other = (secrets.missing({})["auth-signing"] for _ in range(2))
    assert set(one.values()).isdisjoint(other.values())


def test_the_auth_service_knows_each_client_by_its_secret_and_gives_it_its_scopes(tmp_path: Path) -> None:
    known = secrets.missing({})
    clients = Clients(folder(tmp_path / "clients", secrets.auth_clients(known)))
    for name, scopes in secrets.CLIENTS.items():
        assert clients.scopes_of(name, known[f"client-{name}"]["secret"]) == list(scopes)
    with pytest.raises(InvalidClient):
        clients.scopes_of("order", known["client-load"]["secret"])


SOURCES = [*(REPO / "services" / "amazonlite").rglob("*.py"), *(REPO / "operator").rglob("*.py")]


def demanded() -> set[str]:
    """Every scope that a route of the shop asks for, as its program says it."""
    found = re.compile(r'(?:require\(|reader\()"([a-z-]+(?::[a-z-]+)?)"')
    return {scope for path in SOURCES for scope in found.findall(path.read_text())}


def test_no_scope_is_a_master_key_and_each_is_asked_for_by_some_route() -> None:
    granted = {scope for scopes in secrets.CLIENTS.values() for scope in scopes}
    assert "internal" not in granted | demanded()
    assert granted <= demanded()


def test_only_services_that_call_others_have_a_client() -> None:
    assert set(having("client")) == {"inventory", "order", "payment", "operator"}
    assert set(secrets.CLIENTS) == {*having("client"), "load"}


STORES = {"database": "mysql", "redis": "redis", "mongo": "mongodb", "kafka": "kafka", "client": "client"}


def test_every_account_that_the_chart_mounts_is_made() -> None:
    mounted = {f"{prefix}-{service}" for key, prefix in STORES.items() for service in having(key)}
    assert len(mounted) >= 12
    assert mounted <= secrets.missing({}).keys()


def test_no_service_may_confirm_cancel_or_pay_an_order_of_somebody_else() -> None:
    for name, scopes in secrets.CLIENTS.items():
        assert "shop" not in scopes, name
    assert [name for name, scopes in secrets.CLIENTS.items() if "payments:seal" in scopes] == ["inventory", "order"]
    assert [name for name, scopes in secrets.CLIENTS.items() if "flash-sales:operate" in scopes] == ["operator"]


def test_only_the_load_client_may_ask_for_staff_tokens() -> None:
    assert [name for name, scopes in secrets.CLIENTS.items() if "staff:tokens" in scopes] == ["load"]


def test_account_files_of_redis_and_auth_hold_no_credential() -> None:
    known = secrets.missing({})
    text = secrets.redis_users(known) + "".join(secrets.auth_clients(known).values())
    assert not [word for word in unguessable(known) if word in text]


def test_the_server_takes_a_password_that_changed() -> None:
    known = secrets.missing({})
    known["mysql-order"]["password"] = "other"
    assert "ALTER USER 'order'@'%' IDENTIFIED BY 'other';" in secrets.mysql_server(known)


def test_a_mysql_account_exists_before_it_is_altered_or_granted_anything() -> None:
    lines = secrets.mysql_server(secrets.missing({})).splitlines()
    assert all(line.endswith(";") for line in lines)
    altered = [(before, line) for before, line in pairwise(lines) if line.startswith("ALTER USER") and "'%'" in line]
    assert len(altered) == 1 + 2 * len(secrets.DATABASES)
    for before, line in altered:
        assert before == f"CREATE USER IF NOT EXISTS {line.split()[2]};"


def test_a_service_changes_rows_of_its_own_database_and_no_schema() -> None:
    lines = secrets.mysql_server(secrets.missing({})).splitlines()
    for service, database in secrets.DATABASES.items():
        granted = [line for line in lines if line.startswith("GRANT") and f"'{service}'@" in line]
        assert granted == [f"GRANT SELECT, INSERT, UPDATE, DELETE ON `{database}`.* TO '{service}'@'%';"]


def test_a_service_reaches_its_own_keys_of_redis_and_no_one_reaches_any_unnamed() -> None:
    known = secrets.missing({})
    first, admin, *services = secrets.redis_users(known).splitlines()
    assert first == "user default off ~* &* +@all"
    assert admin.endswith("~* &* +@all")
    for line, (name, patterns) in zip(services, secrets.REDIS_KEYS.items(), strict=True):
        words = line.split()
        password = known[f"redis-{name}"]["url"].split(":")[2].split("@")[0]
        assert words[:4] == ["user", name, "on", f"#{hashlib.sha256(password.encode()).hexdigest()}"]
        assert {word for word in words if word[0] == "~"} == {f"~{pattern}" for pattern in patterns}
        assert words.index("+@all") < words.index("-@dangerous")  # the later word wins
