"""Passwords are kept as argon2id, and checking one takes as long for a user that does not exist."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

T = TypeVar("T")

AT_ONCE = 2
NICE = 10


class Passwords:
    """OWASP's argon2id parameters (19 MiB, 2 passes, 1 lane); two hashes at a time bound memory and processor.

    The threads that hash are nicer than the event loop, which gets the processor before them.
    """

    def __init__(self, *, memory_kib: int = 19 * 1024, passes: int = 2) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="argon2", initializer=_be_nice)
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
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def _be_nice() -> None:
    """On Linux a priority is a thread's, not the process's."""
    thread = threading.get_native_id()
    os.setpriority(os.PRIO_PROCESS, thread, min(19, os.getpriority(os.PRIO_PROCESS, thread) + NICE))
