"""A target that keeps failing is left alone for a while, then tried with one call. Pure: only a clock comes in."""

from __future__ import annotations

from typing import Literal

from amazonlite.common.core.clock import Ticks

State = Literal["closed", "open", "half-open"]


class Breaker:
    """Opens after `failures` in a row; half-open lets one probe through, whose outcome closes or opens it again."""

    def __init__(self, clock: Ticks, *, failures: int = 5, pause: float = 5.0) -> None:
        self._clock = clock
        self._limit = failures
        self._pause = pause
        self._failed = 0
        self._retry_at: float | None = None
        self._probing = False

    @property
    def state(self) -> State:
        if self._retry_at is None:
            return "closed"
        return "open" if self._clock.monotonic() < self._retry_at else "half-open"

    @property
    def seconds_left(self) -> float:
        """Until the next probe may go."""
        if self._retry_at is None:
            return 0.0
        return max(0.0, self._retry_at - self._clock.monotonic())

    def allows(self) -> bool:
        """Whether a call may go now; a True in half-open is the probe, so it must be followed by an outcome."""
        state = self.state
        if state == "closed":
            return True
        if state == "open" or self._probing:
            return False
        self._probing = True
        return True

    def succeeded(self) -> None:
        self._failed = 0
        self._retry_at = None
        self._probing = False

    def failed(self) -> None:
        self._failed += 1
        if self._probing or self._failed >= self._limit:
            self._retry_at = self._clock.monotonic() + self._pause
        self._probing = False

    def abandoned(self) -> None:
        """The call ended without telling anything, for instance because its caller was cancelled."""
        self._probing = False
