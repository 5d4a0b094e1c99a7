"""Calls to other services: bounded in time, retried only when safe and affordable, never hammering a dead one."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter
from typing import Any

import aiohttp
import msgspec

from amazonlite.common.core.clock import SystemClock, Ticks
from amazonlite.common.core.context import correlation_id, traceparent
from amazonlite.common.core.errors import DomainError, Unavailable
from amazonlite.common.http.breaker import Breaker
from amazonlite.common.http.retry_budget import RetryBudget
from amazonlite.common.observe.metrics import BREAKER_OPEN, CALL_SECONDS, CALLS
from amazonlite.common.observe.tracing import span
from amazonlite.common.security.service_token import TokenSource

_OWN_MEMBERS = frozenset({"type", "title", "status", "detail", "instance", "code", "correlationId", "nextStep"})
_RETRIED_STATUSES = frozenset({502, 503, 504})


class RemoteUnavailable(Unavailable):
    """The other service did not answer (in time); member `service` names it."""

    code = "service_unavailable"
    title = "Service unavailable"


class RemoteProblem(DomainError):
    """The other service refused: status, code and further members are what it said."""

    def __init__(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        super().__init__(
            str(body.get("detail", "the other service refused without a reason")),
            next_step=str(body.get("nextStep", "")),
            headers={"Retry-After": headers["Retry-After"]} if "Retry-After" in headers else {},
            **{key: value for key, value in body.items() if key not in _OWN_MEMBERS},
        )
        # Class constants for every other error; here each instance repeats what it was told.
        self.status = status  # type: ignore[misc]
        self.code = str(body.get("code", "remote_problem"))  # type: ignore[misc]
        self.title = str(body.get("title", "Refused by another service"))  # type: ignore[misc]


class _NoAnswer(Exception):
    """The attempt failed in a way that says nothing about the request itself."""


class ServiceClient:
    """JSON over HTTP to one service; one per target, shared by all requests, closed with the app."""

    def __init__(
        self,
        base_url: str,
        *,
        name: str,
        timeout: float = 2.0,
        session: aiohttp.ClientSession | None = None,
        tokens: TokenSource | None = None,
        clock: Ticks | None = None,
        pause: float = 5.0,
    ) -> None:
        """A dead service is left alone for `pause` seconds at a time."""
        self._base = base_url.rstrip("/")
        self._name = name
        self._timeout = timeout
        self._session = session
        self._tokens = tokens
        self._breaker = Breaker(clock or SystemClock(), pause=pause)
        self._budget = RetryBudget()

    async def get(
        self, path: str, *, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        return await self.request("GET", path, params=params, headers=headers, repeatable=True)

    async def post(
        self,
        path: str,
        json: Any = None,
        *,
        idempotency_key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        key = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return await self.request(
            "POST", path, json=json, headers={**(headers or {}), **key}, repeatable=bool(idempotency_key)
        )

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = False,
    ) -> Any:
        """The answer's JSON, None when it has no body. RemoteProblem for a refusal, RemoteUnavailable for no answer."""
        body = None if json is None else msgspec.json.encode(json)
        self._budget.called()
        try:
            return await self._attempt(method, path, body, params, headers)
        except _NoAnswer as first:
            if not repeatable or not self._budget.take():
                raise self._unavailable() from first
        try:
            return await self._attempt(method, path, body, params, headers)
        except _NoAnswer as second:
            raise self._unavailable() from second

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _attempt(
        self,
        method: str,
        path: str,
        body: bytes | None,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
    ) -> Any:
        if not self._breaker.allows():
            CALLS.labels(self._name, "refused_by_breaker").inc()
            raise self._unavailable()
        started = perf_counter()
        outcome = "abandoned"
        try:
            with span(f"{method} {self._name}", kind="client", attributes={"peer.service": self._name}) as current:
                status, answer, answered = await self._send(method, path, body, params, headers)
                current.set("http.response.status_code", status)
            outcome = str(status)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            outcome = "no_answer"
            raise _NoAnswer(type(error).__name__) from error
        finally:
            self._account(outcome, perf_counter() - started)
        return self._judge(status, answer, answered)

    async def _send(
        self,
        method: str,
        path: str,
        body: bytes | None,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
    ) -> tuple[int, bytes, Mapping[str, str]]:
        sent = {
            "X-API-Version": "1",
            "Content-Type": "application/json",
            "X-Correlation-Id": correlation_id.get(),
            "traceparent": traceparent.get(),
            **(headers or {}),
        }
        if self._tokens is not None:
            sent["Authorization"] = f"Bearer {await self._tokens.token()}"
        async with self._open().request(
            method, self._base + path, data=body, params=params, headers={k: v for k, v in sent.items() if v}
        ) as response:
            return response.status, await response.read(), response.headers

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._timeout),
                connector=aiohttp.TCPConnector(limit=100, keepalive_timeout=30),
            )
        return self._session

    def _account(self, outcome: str, seconds: float) -> None:
        CALLS.labels(self._name, outcome).inc()
        CALL_SECONDS.labels(self._name).observe(seconds)
        if outcome == "abandoned":
            self._breaker.abandoned()
        elif outcome == "no_answer" or outcome.startswith("5"):
            self._breaker.failed()
        else:
            self._breaker.succeeded()
        BREAKER_OPEN.labels(self._name).set(self._breaker.state != "closed")

    def _judge(self, status: int, answer: bytes, headers: Mapping[str, str]) -> Any:
        if status < 400:
            return msgspec.json.decode(answer) if answer else None
        if status in _RETRIED_STATUSES:
            raise _NoAnswer(str(status))
        problem = _problem_of(answer)
        if self._tokens is not None and (status == 401 or problem.get("code") == "insufficient_scope"):
            # Our own token, not the caller's: the caller can only come back. Rights may have been granted since it was
            # made, as when a new version is rolled out.
            self._tokens.forget()
            raise self._unavailable()
        raise RemoteProblem(status, problem, headers)

    def _unavailable(self) -> RemoteUnavailable:
        return RemoteUnavailable(
            f"{self._name} does not answer", retry_after=self._breaker.seconds_left or 1.0, service=self._name
        )


def _problem_of(answer: bytes) -> Mapping[str, Any]:
    try:
        body = msgspec.json.decode(answer)
    except msgspec.DecodeError:
        return {}
    return body if isinstance(body, dict) else {}
