"""How long a consumer bears with an event that fails, and what it says about the failure."""

from __future__ import annotations

import random
from dataclasses import dataclass

from amazonlite.common.core.errors import Unavailable
from amazonlite.common.data.errors import StoreContended, StoreUnavailable, described
from amazonlite.common.events.parked import Failure
from amazonlite.common.events.producer import SendFailed


@dataclass(frozen=True, slots=True)
class Patience:
    """As delivered an event is tried for about an hour: a bad deploy is seen and taken back meanwhile.

    The pauses double from 2 s to 5 min, so twenty tries are 9 within ten minutes and one every five minutes after.
    """

    tries: int = 20
    first_pause: float = 2.0
    longest_pause: float = 300.0
    passing_pause: float = 10.0  # after what says of itself that it passes; such a try does not count

    def after(self, tries: int, error: Exception) -> Failure:
        """`tries` have failed before this one."""
        if isinstance(error, Unavailable):
            return Failure(tries, _about(self.passing_pause), described(error))
        pause = min(self.longest_pause, self.first_pause * 2.0 ** min(tries, 30))
        return Failure(tries + 1, _about(pause), described(error))

    def ends_with(self, failure: Failure) -> bool:
        return failure.tries >= self.tries


def is_away(error: BaseException) -> bool:
    """Whether nothing can be handled or parked at all, because our own database or the broker does not answer.

    A transaction that keeps meeting others is the trouble of its own rows, and a service that is away is that of the
    events that need it: those are parked.
    """
    return isinstance(error, SendFailed) or (
        isinstance(error, StoreUnavailable) and not isinstance(error, StoreContended)
    )


def has_to_wait(error: BaseException) -> bool:
    """Whether what is kept of an event could not be changed now, for that or because its rows are held by others."""
    return is_away(error) or isinstance(error, StoreContended)


def _about(seconds: float) -> float:
    return seconds * random.uniform(0.8, 1.2)
