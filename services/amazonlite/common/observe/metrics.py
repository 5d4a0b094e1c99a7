"""The metrics every service exports; a service's own live beside the code that moves them."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

REQUESTS = Counter("http_requests_total", "Requests answered, by route template", ["method", "route", "status"])
REQUEST_SECONDS = Histogram(
    "http_request_seconds", "Time from the request's head to its answer's end", ["method", "route"], buckets=SECONDS
)
CALLS = Counter("client_calls_total", "Calls to other services, retries included", ["target", "outcome"])
CALL_SECONDS = Histogram("client_call_seconds", "Time of one call to another service", ["target"], buckets=SECONDS)
BREAKER_OPEN = Gauge("client_breaker_open", "1 while calls to the target are refused without trying", ["target"])
TASK_RESTARTS = Counter("background_restarts_total", "Crashes of a supervised background task", ["task"])

CONTENT_TYPE = CONTENT_TYPE_LATEST


def render() -> bytes:
    """All metrics of this process in the Prometheus text format."""
    return generate_latest()


class RequestMeter:
    """Counts one request; the labelled children are kept, since looking them up costs more than counting."""

    def __init__(self) -> None:
        self._totals: dict[tuple[str, str, int], Counter] = {}
        self._seconds: dict[tuple[str, str], Histogram] = {}

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        total = self._totals.get((method, route, status))
        if total is None:
            total = self._totals[method, route, status] = REQUESTS.labels(method, route, str(status))
        total.inc()
        duration = self._seconds.get((method, route))
        if duration is None:
            duration = self._seconds[method, route] = REQUEST_SECONDS.labels(method, route)
        duration.observe(seconds)
