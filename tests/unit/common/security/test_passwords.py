"""Hashes verify, broken ones do not raise, and too many at once are turned away."""

from __future__ import annotations

import asyncio

import pytest

from amazonlite.common.security import passwords
from amazonlite.common.security.passwords import HashingBusy, Passwords


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


async def test_a_crowd_is_turned_away(cheap: Passwords, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "LONGEST_QUEUE", 3)
    outcomes = await asyncio.gather(*(cheap.hash("x") for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(outcome, HashingBusy) for outcome in outcomes) == 2
