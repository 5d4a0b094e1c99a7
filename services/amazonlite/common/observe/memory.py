"""Start-up leaves holes: importing everything takes a tenth more memory than keeping it."""

from __future__ import annotations

import ctypes
import gc
import sys


def settle_memory() -> None:
    """Give start-up's garbage back to the system, and spare the collector what will live as long as the process."""
    gc.collect()
    gc.freeze()
    if sys.platform == "linux":
        # glibc keeps freed memory between blocks in use; musl has no malloc_trim and does not need it.
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
