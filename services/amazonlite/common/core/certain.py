"""What must be there is checked in production too: an `assert` would be gone there (PYTHONOPTIMIZE in the image)."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


class Contradiction(Exception):
    """What the code takes for certain is not so; a fault of ours, and nothing was done."""


def certain(value: T | None, because: str) -> T:
    if value is None:
        raise Contradiction(f"missing, although {because}")
    return value
