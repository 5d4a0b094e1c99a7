"""Each network has a share of the connections; where none is free, those that wait for a request make room."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import nsmallest
from itertools import chain
from operator import itemgetter
from typing import Protocol

BATCH = 32  # as many as nginx closes at a time, so that a crowd at the door does not cause a search each


class Held(Protocol):
    """A connection, as far as its share is concerned."""

    network: str

    def waiting_since(self) -> float | None:
        """When it began to wait for a whole request; None while it has one under way or its answer is still sent."""

    def make_room(self) -> None:
        """Closes the connection at once."""


class Shares:
    """Admits at most `most` connections, `most_each` of one network.

    Where there is no room, those that have waited longest for a request are closed: of the same network when its share
    is used up, else of all. Work is done when a connection comes or goes, none for a request.
    """

    def __init__(self, *, most: int, most_each: int) -> None:
        self._most, self._most_each = most, most_each
        self._of: dict[str, set[Held]] = {}
        self._total = 0

    def admit(self, connection: Held, *, limited: bool = True) -> bool:
        """False when all connections of the network, or all there are, have a request under way.

        Without `limited` only the total counts, as for a proxy that brings many clients.
        """
        mine = self._of.get(connection.network, set())
        if limited and len(mine) >= self._most_each and not self._make_room(mine):
            return False
        if self._total >= self._most and not self._make_room(chain.from_iterable(self._of.values())):
            return False
        self._of.setdefault(connection.network, set()).add(connection)
        self._total += 1
        return True

    def leave(self, connection: Held) -> None:
        """Does nothing for a connection that was not admitted or has left."""
        held = self._of.get(connection.network, set())
        if connection not in held:
            return
        held.remove(connection)
        self._total -= 1
        if not held:
            del self._of[connection.network]

    def _make_room(self, held: Iterable[Held]) -> bool:
        """Whether any could be closed. At most an eighth of those that wait are, and BATCH."""
        waiting = [(since, each) for each in held if (since := each.waiting_since()) is not None]
        for _, each in nsmallest(min(BATCH, max(1, len(waiting) // 8)), waiting, key=itemgetter(0)):
            self.leave(each)
            each.make_room()
        return bool(waiting)
