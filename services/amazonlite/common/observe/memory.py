"""Keeps a process at what it needs: glibc would otherwise keep what start-up and password hashing have freed."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import sys

_MMAP_THRESHOLD = -3  # malloc.h
_ARENA_MAX = -8
# A request under way keeps hundreds of objects alive, nearly all freed by their reference count: at the default of 700
# the collector looks at a crowd of two hundred requests again and again and finds nothing.
_YOUNG_OBJECTS = 20_000
TRIM_SECONDS = 20.0


def bound_memory() -> None:
    """Before anything is loaded: blocks of a MiB and more (argon2's 19) go back to the system when freed.

    By default glibc raises that threshold with every large block freed, and then keeps them, once per thread.
    """
    libc = _glibc()
    if libc is not None:
        libc.mallopt(_MMAP_THRESHOLD, 1024 * 1024)
        libc.mallopt(_ARENA_MAX, 1)


def settle_memory() -> None:
    """After start-up: give its garbage back, and spare the collector what will live as long as the process."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS)
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


async def keep_trimming() -> None:
    """Gives back for ever what a rush has freed.

    What lives on lies scattered among it, and by itself glibc gives back only what lies at the end. In a thread: it
    walks the whole heap, for some milliseconds after a rush, and needs nothing of the interpreter meanwhile.
    """
    libc = _glibc()
    while libc is not None:
        await asyncio.sleep(TRIM_SECONDS)
        await asyncio.to_thread(libc.malloc_trim, 0)


def _glibc() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "malloc_trim") else None
