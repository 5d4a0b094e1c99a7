"""Ids are `<prefix>_<26 characters of lower-case Crockford base32>`."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime

IdSource = Callable[[str], str]

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_LENGTH = 26
_YEAR_9999 = 253_370_764_800_000
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]


def new_id(prefix: str) -> str:
    """A ULID: 48 bits of milliseconds, then 80 random bits, so that ids sort by time."""
    milliseconds = time.time_ns() // 1_000_000
    return f"{prefix}_{_base32(milliseconds << 80 | secrets.randbits(80))}"


def time_of(id: str) -> datetime | None:
    """When `new_id` made the id, to the millisecond; None for anything else."""
    _, _, ulid = id.partition("_")
    if len(ulid) != _LENGTH or not set(ulid) <= set(_ALPHABET):
        return None
    milliseconds = sum(_ALPHABET.index(digit) << 5 * place for place, digit in enumerate(reversed(ulid))) >> 80
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds < _YEAR_9999 else None


def derive_id(prefix: str, *parts: str) -> str:
    """The same parts give the same id on every machine, so that repeating a step names the same thing."""
    # Each part carries its length: ("a", "bc") and ("ab", "c") must differ.
    material = "".join(f"{len(part)}:{part}" for part in (prefix, *parts))
    digest = hashlib.sha256(material.encode()).digest()
    return f"{prefix}_{_base32(int.from_bytes(digest, 'big') >> (256 - 5 * _LENGTH))}"


def _base32(number: int) -> str:
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(5 * (_LENGTH - 2), -1, -10)])
