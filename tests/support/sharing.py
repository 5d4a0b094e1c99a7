"""Which tests run side by side: all but the serial ones, which run while no other test uses the cluster.

`make test` starts several pytest-xdist workers, since a test on the cluster mostly waits for it. Beside others runs

- a test on scratch stores: its databases, Redis numbers and topics have names that nobody else has;
- a test on the running shop: its products, sales and customers are its own;
- what changes one object of the shop, such as a Deployment's replicas: of the tests with the same `exclusive("name")`
  one runs at a time. (xdist's own groups do nothing with pytest 9.2, and nobody is told.)

Serial is what kills something that others rely on, so all of tests/chaos, and what is marked `serial` because it needs
the whole machine. Every other test holds a lock shared, a serial one holds it alone. The lock belongs to the cluster,
not to a run of pytest, so that two checkouts that test on one cluster wait for each other too. It is taken outside of
a test's time limit and durations.

Guarantees: no test runs beside a serial one; a waiting serial test is overtaken by nobody, since whoever waits for the
lock keeps the entrance to it; a killed worker holds nothing, since the kernel drops its locks.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from amazonlite_cli.paths import HOME

WITHOUT_CLUSTER = {"unit", "contract"}
TESTS = Path(__file__).parents[1]


class ClusterLock:
    """Held by many who share or by one alone, in processes of this machine; not reentrant."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def held(self, *, alone: bool) -> Iterator[None]:
        with ExitStack() as holding:
            with self._locked("tests.entrance", fcntl.LOCK_EX):
                holding.enter_context(self._locked("tests.lock", fcntl.LOCK_EX if alone else fcntl.LOCK_SH))
            yield

    @contextmanager
    def named(self, name: str) -> Iterator[None]:
        """Held by one of those that give the same name; to be taken before the other."""
        with self._locked(f"tests.{name}.lock", fcntl.LOCK_EX):
            yield

    @contextmanager
    def _locked(self, name: str, how: int) -> Iterator[None]:
        with (self._folder / name).open("w") as file:
            fcntl.flock(file, how)
            yield


def folder_of(item: pytest.Item) -> str:
    return item.path.relative_to(TESTS).parts[0]


def is_serial(item: pytest.Item) -> bool:
    return folder_of(item) == "chaos" or item.get_closest_marker("serial") is not None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Around set-up, call and tear-down, and around pytest-timeout's clock."""
    if folder_of(item) in WITHOUT_CLUSTER:
        return (yield)
    lock = ClusterLock(HOME)
    with ExitStack() as holding:
        for name in sorted({str(mark.args[0]) for mark in item.iter_markers("exclusive")}):
            holding.enter_context(lock.named(name))
        holding.enter_context(lock.held(alone=is_serial(item)))
        return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Serial tests come last, and before them those on scratch stores: the short ones fill what the long ones leave."""
    items.sort(key=lambda item: (is_serial(item), item.get_closest_marker("cluster") is None))
