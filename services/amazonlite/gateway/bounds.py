"""What the gateway holds for clients at one time is bounded, and no network of clients can take more than its share."""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Gauge

from amazonlite.gateway.errors import TooBusy

IN_FLIGHT = Gauge("gateway_requests_in_flight", "Requests that the gateway works on")
REFUSED = Counter("gateway_too_busy_total", "Requests refused because too much is in flight", ["what"])


class Bounds:
    """At most `requests` in flight, whose bodies have at most `body_bytes` together; half of either for one network.

    With as many bodies of a MiB as requests, the gateway would need eight times the memory that it may use.
    """

    def __init__(self, *, requests: int = 2048, body_bytes: int = 64 * 2**20) -> None:
        self._requests, self._body_bytes = requests, body_bytes
        self._in_flight = self._held = 0
        self._of: Counts[str] = Counts()
        self._held_for: Counts[str] = Counts()

    @contextmanager
    def entered(self, network: str, body_bytes: int) -> Iterator[None]:
        """TooBusy when there is no room; nothing was done then."""
        self._refuse_too_many(network)
        if body_bytes:
            self._refuse_too_large(network, body_bytes)
        self._add(network, 1, body_bytes)
        try:
            yield
        finally:
            self._add(network, -1, -body_bytes)

    def _refuse_too_many(self, network: str) -> None:
        if self._in_flight >= self._requests or 2 * self._of[network] >= self._requests:
            raise _too_busy("requests")

    def _refuse_too_large(self, network: str, size: int) -> None:
        most = self._body_bytes
        if self._held + size > most or 2 * (self._held_for[network] + size) > most:
            raise _too_busy("bodies")

    def _add(self, network: str, requests: int, body_bytes: int) -> None:
        self._in_flight += requests
        self._held += body_bytes
        IN_FLIGHT.set(self._in_flight)
        for counts, change in ((self._of, requests), (self._held_for, body_bytes)):
            counts[network] += change
            if not counts[network]:
                del counts[network]


def _too_busy(what: str) -> TooBusy:
    REFUSED.labels(what).inc()
    return TooBusy(
        "The gateway works on as many requests as it can; nothing was done.",
        retry_after=1,
        next_step="Send the same request again.",
    )
