"""The lock that keeps tests apart: many share it, one has it alone, and nobody overtakes the one who waits."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Event

import pytest

from amazonlite.common.testing.eventually import eventually
from support.sharing import ClusterLock


class Holders:
    """Threads that hold the lock until they are told; each opens the files itself, as processes do."""

    def __init__(self, folder: Path, threads: ThreadPoolExecutor) -> None:
        self.folder = folder
        self._threads = threads
        self.entered: list[str] = []

    def start(self, name: str, release: Event, *, alone: bool = False) -> None:
        self._hold(name, release, lambda lock: lock.held(alone=alone))

    def start_named(self, lock_name: str, name: str, release: Event) -> None:
        self._hold(name, release, lambda lock: lock.named(lock_name))

    def _hold(self, name: str, release: Event, taken: Callable[[ClusterLock], AbstractContextManager[None]]) -> None:
        def hold() -> None:
            with taken(ClusterLock(self.folder)):
                self.entered.append(name)
                assert release.wait(10)

        self._threads.submit(hold)

    async def until(self, *names: str) -> None:
        await eventually(lambda: self.entered == [*names], what=f"{names} entered")

    def entrance_is_taken(self) -> bool:
        with (self.folder / "tests.entrance").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False


@pytest.fixture
def holders(tmp_path: Path) -> Iterator[Holders]:
    with ThreadPoolExecutor(4) as threads:
        yield Holders(tmp_path, threads)


@pytest.fixture
def event() -> Iterator[Callable[[], Event]]:
    """Events that are set in the end, whatever became of the test."""
    made: list[Event] = []

    def make() -> Event:
        made.append(Event())
        return made[-1]

    yield make
    for one in made:
        one.set()


async def test_many_share_it(holders: Holders, event: Callable[[], Event]) -> None:
    release = event()
    holders.start("first", release)
    await holders.until("first")
    holders.start("second", release)
    await holders.until("first", "second")


async def test_whoever_wants_it_alone_waits_for_those_inside_and_is_not_overtaken(
    holders: Holders, event: Callable[[], Event]
) -> None:
    inside, alone, late = event(), event(), event()
    holders.start("inside", inside)
    await holders.until("inside")
    holders.start("alone", alone, alone=True)
    await eventually(holders.entrance_is_taken, what="the one who wants it alone waits at the entrance")
    holders.start("late", late)
    assert not late.wait(0.2)
    assert holders.entered == ["inside"]
    inside.set()
    await holders.until("inside", "alone")
    assert not late.wait(0.2)
    assert holders.entered == ["inside", "alone"]
    alone.set()
    await holders.until("inside", "alone", "late")


async def test_of_one_name_there_is_one_holder_and_another_name_is_another_matter(
    holders: Holders, event: Callable[[], Event]
) -> None:
    first, rest = event(), event()
    holders.start_named("product", "first", first)
    await holders.until("first")
    holders.start_named("product", "second", rest)
    holders.start_named("order", "other", rest)
    await holders.until("first", "other")
    first.set()
    await holders.until("first", "other", "second")


async def test_an_error_inside_gives_it_back(tmp_path: Path) -> None:
    lock = ClusterLock(tmp_path)
    with pytest.raises(RuntimeError), lock.held(alone=True):
        raise RuntimeError
    with lock.held(alone=True):
        pass
