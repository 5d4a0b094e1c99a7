"""Hashes verify, broken ones do not raise, and hashing keeps nobody else waiting."""

from __future__ import annotations

import os
import threading

import pytest

from amazonlite.common.security.passwords import Passwords


@pytest.fixture
def cheap() -> Passwords:
    return Passwords(memory_kib=8, passes=1)


async def test_the_right_password_matches_and_others_do_not(cheap: Passwords) -> None:
    stored = await cheap.hash("correct horse")
    assert stored.startswith("$argon2id$")
    assert await cheap.verify(stored, "correct horse")
    assert not await cheap.verify(stored, "Correct horse")
    assert not await cheap.verify("not a hash", "correct horse")


async def test_hashes_of_other_parameters_are_outdated(cheap: Passwords) -> None:
    assert Passwords().outdated(await cheap.hash("x"))
    assert not cheap.outdated(await cheap.hash("x"))


async def test_threads_that_hash_give_way_to_the_event_loop(cheap: Passwords) -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    assert await cheap._in_thread(niceness) == min(19, niceness() + 10)
