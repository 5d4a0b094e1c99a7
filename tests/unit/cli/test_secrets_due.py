"""What an installation of one's own is made from, as the command line prints it."""

from __future__ import annotations

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
