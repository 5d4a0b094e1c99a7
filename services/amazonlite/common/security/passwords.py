"""Passwords are kept as argon2id, and checking one takes as long for a user that does not exist."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from amazonlite.common.core.errors import Unavailable

T = TypeVar("T")

AT_ONCE = 2
LONGEST_QUEUE = 100


class HashingBusy(Unavailable):
    """More sign-ins at once than can be checked in about two seconds; come back then."""

    code = "sign_in_busy"
    title = "Sign-in busy"


class Passwords:
    """OWASP's argon2id parameters (19 MiB, 2 passes, 1 lane); two hashes at a time bound memory and processor."""

    def __init__(self, *, memory_kib: int = 19 * 1024, passes: int = 2) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="argon2")
        self._waiting = 0
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        return await self._in_thread(lambda: self._hasher.hash(password))

    async def verify(self, stored: str, password: str) -> bool:
        return await self._in_thread(lambda: self._matches(stored, password))

    async def verify_nobody(self, password: str) -> None:
        """Spend what `verify` spends, so that an unknown user cannot be told from a wrong password by time."""
        if self._nobody is None:
            self._nobody = await self.hash("nobody's password")
        await self.verify(self._nobody, password)

    def outdated(self, stored: str) -> bool:
        """True when the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._waiting >= LONGEST_QUEUE:
            raise HashingBusy("too many sign-ins at once", retry_after=2)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1
