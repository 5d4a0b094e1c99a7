"""Retries may be a tenth of the calls: enough to hide a lost connection, too few to drown a target in trouble."""

from __future__ import annotations


class RetryBudget:
    """A bucket: a call puts in a tenth of a token, a retry takes a whole one."""

    def __init__(self, *, share: float = 0.1, most: float = 10.0) -> None:
        self._share = share
        self._most = most
        self._tokens = most

    def called(self) -> None:
        self._tokens = min(self._most, self._tokens + self._share)

    def take(self) -> bool:
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
