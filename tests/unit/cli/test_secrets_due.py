"""What an installation of one's own is made from, as the command line prints it."""

from __future__ import annotations

import pytest

from amazonlite_cli.deploy import secrets


def test_what_is_due_is_written_once() -> None:
    written = secrets.due({})
    assert written.keys() > secrets.derived(secrets.missing({})).keys()
    assert secrets.due(written) == {}


def test_what_depends_on_a_lost_secret_is_written_with_it() -> None:
    written = secrets.due({})
    lost = {name: values for name, values in written.items() if name != "redis-auth"}
    again = secrets.due(lost)
    assert again.keys() == {"redis-auth", "redis-users"}
    assert again["redis-auth"] != written["redis-auth"]


def test_wanted_again_keeps_every_password_and_is_never_empty() -> None:
    written = secrets.wanted({})
    again = secrets.wanted(written)
    assert again == secrets.derived(written)
    assert again == {name: written[name] for name in again}


def test_a_database_server_of_ones_own_keeps_its_administrator() -> None:
    accounts = secrets.wanted({})["mysql-accounts"]
    assert "root" not in accounts["accounts.sql"]
    assert accounts["server.sql"].endswith(accounts["accounts.sql"])


@pytest.mark.parametrize("url", ["redis://cache.example:6379/0", "redis://cache.example/0"])
def test_a_redis_without_a_password_lets_nobody_in_by_one(url: str) -> None:
    users = secrets.redis_users({**secrets.missing({}), "redis-auth": {"url": url}})
    (auth,) = [line for line in users.splitlines() if line.startswith("user auth ")]
    assert auth.startswith("user auth off resetpass ")
