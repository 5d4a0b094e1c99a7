"""A backend that cannot be reached is left alone for a while; what it answers, errors included, is its own business."""

from __future__ import annotations

from time import perf_counter

from prometheus_client import Counter

from amazonlite.common.core.clock import Ticks
from amazonlite.common.core.errors import DomainError
from amazonlite.common.http.breaker import Breaker
from amazonlite.common.observe.metrics import BREAKER_OPEN, CALL_SECONDS, CALLS
from amazonlite.gateway.answer import (
    Answer,
    ConnectFailed,
    ConnectionDropped,
    Saturated,
    UpstreamError,
    UpstreamTimeout,
)
from amazonlite.gateway.domain import Backend
from amazonlite.gateway.errors import BadGateway, ServiceUnavailable, TooBusy, UpstreamTimedOut
from amazonlite.gateway.upstream import Pool

RETRIES = Counter("gateway_retries_total", "Requests sent a second time after a connection error", ["target"])


class Target:
    """One backend: its connections, its breaker and its meters."""

    def __init__(self, backend: Backend, clock: Ticks) -> None:
        self.name = backend.host
        self.host_line = f"host: {backend.key}\r\n".encode()
        self.pool = Pool(backend.host, backend.port)
        self._breaker = Breaker(clock)
        self._seconds = CALL_SECONDS.labels(self.name)
        self._calls: dict[str, Counter] = {}
        BREAKER_OPEN.labels(self.name).set(0)

    async def send(self, request: bytes, *, method: str, repeatable: bool, seconds: float) -> Answer:
        """The answer, or the problem to tell; a repeatable request is sent again once after a connection error.

        Both attempts together have `seconds`.
        """
        started = perf_counter()
        try:
            return await self._attempt(request, method, seconds)
        except (ConnectFailed, ConnectionDropped) as error:
            if not repeatable:
                raise self._problem(error) from error
        except UpstreamError as error:
            raise self._problem(error) from error
        RETRIES.labels(self.name).inc()
        try:
            return await self._attempt(request, method, max(0.0, seconds - (perf_counter() - started)))
        except UpstreamError as error:
            raise self._problem(error) from error

    async def _attempt(self, request: bytes, method: str, seconds: float) -> Answer:
        if not self._breaker.allows():
            self._count("refused_by_breaker")
            raise unavailable(self.name, self._breaker.seconds_left)
        started = perf_counter()
        outcome = "abandoned"
        try:
            answer = await self.pool.send(request, bodyless=method == "HEAD", seconds=seconds)
            outcome = str(answer.status)
            return answer
        except Saturated:
            outcome = "saturated"
            raise
        except UpstreamError:
            outcome = "no_answer"
            raise
        finally:
            self._seconds.observe(perf_counter() - started)
            self._account(outcome)

    def _account(self, outcome: str) -> None:
        self._count(outcome)
        before = self._breaker.state
        if outcome in {"abandoned", "saturated"}:  # nothing was learnt of the backend
            self._breaker.abandoned()
        elif outcome == "no_answer":
            self._breaker.failed()
        else:
            self._breaker.succeeded()
        if self._breaker.state != before:
            BREAKER_OPEN.labels(self.name).set(self._breaker.state != "closed")

    def _count(self, outcome: str) -> None:
        counter = self._calls.get(outcome)
        if counter is None:
            counter = self._calls[outcome] = CALLS.labels(self.name, outcome)
        counter.inc()

    def _problem(self, error: UpstreamError) -> DomainError:
        if isinstance(error, Saturated):
            return TooBusy(
                f"{self.name} works on as many requests as it may; nothing was done.",
                next_step="Wait for the time in Retry-After, then repeat the request.",
                service=self.name,
            )
        if isinstance(error, ConnectFailed):
            return unavailable(self.name, self._breaker.seconds_left)
        if isinstance(error, UpstreamTimeout):
            return UpstreamTimedOut(
                f"{self.name} did not answer in the time of its route.",
                next_step="Repeat the request with the same Idempotency-Key.",
                service=self.name,
            )
        return BadGateway(
            f"{self.name} broke off its answer.",
            next_step="Repeat the request with the same Idempotency-Key.",
            service=self.name,
        )


class Targets:
    """Backends seen so far; there are as many as Services named by routes, so none is ever dropped."""

    def __init__(self, clock: Ticks) -> None:
        self._clock = clock
        self._targets: dict[tuple[str, int], Target] = {}

    def of(self, backend: Backend) -> Target:
        target = self._targets.get((backend.host, backend.port))
        if target is None:
            target = self._targets[backend.host, backend.port] = Target(backend, self._clock)
        return target

    def close(self) -> None:
        for target in self._targets.values():
            target.pool.close()


def unavailable(service: str, seconds_left: float) -> ServiceUnavailable:
    return ServiceUnavailable(
        f"{service} cannot be reached right now.",
        retry_after=seconds_left or 1.0,
        next_step="Wait for the time in Retry-After, then repeat the request.",
        service=service,
    )
