"""Pure ASGI, two layers: who this request is and how it went; and how much it may send."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass
from time import perf_counter

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from amazonlite.common.core.context import correlation_id
from amazonlite.common.http.problems import internal_error, of_domain_error, problem_response
from amazonlite.common.http.sampling import Sampler
from amazonlite.common.http.start_limiter import StartLimiter
from amazonlite.common.observe.logs import get_logger
from amazonlite.common.observe.metrics import RequestMeter
from amazonlite.common.observe.tracing import Span, span, valid_traceparent
from amazonlite.common.security.principal import RepeatedHeader

log = get_logger(__name__)

API_VERSION = "1"
LARGEST_BODY = 1024 * 1024
SLOW_SECONDS = 1.0
BEGIN_AT_ONCE = 4
QUIET = frozenset({"/healthz", "/readyz", "/metrics"})

_CORRELATION = re.compile(r"[A-Za-z0-9._:-]{1,128}")
# Headers of which one value is read. With two, the gateway could judge by one and a service act by the other.
_SINGLE = (
    frozenset((b"authorization", b"content-length", b"content-type", b"cookie", b"host", b"idempotency-key"))
    | frozenset((b"if-match", b"provider-signature", b"traceparent", b"x-api-version", b"x-correlation-id"))
    | frozenset((b"x-fencing-token", b"x-forwarded-host", b"x-forwarded-proto", b"x-queue-ticket"))
)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_CLIENT_WENT_AWAY = 499


class RequestScope:
    """Whatever happens below, a request has a correlation id and a span, is counted once, and an exception is a 500."""

    def __init__(self, app: ASGIApp, *, slow_seconds: float = SLOW_SECONDS) -> None:
        self.app = app
        self._slow = slow_seconds
        self._meter = RequestMeter()
        self._start_limiter = StartLimiter(BEGIN_AT_ONCE)
        self._refusals = Sampler("request")
        self._failures = Sampler("request", burst=100, per_second=10)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in QUIET:
            await self.app(scope, receive, send)
            return
        await self._start_limiter.wait()
        carried = _Carried.read(scope["headers"])
        token = correlation_id.set(carried.correlation)
        try:
            with span(scope["method"], kind="server", parent=carried.parent) as current:
                await self._answer(scope, receive, _Answer(send, carried.correlation), carried, current)
        finally:
            correlation_id.reset(token)

    async def _answer(self, scope: Scope, receive: Receive, answer: _Answer, carried: _Carried, current: Span) -> None:
        started = perf_counter()
        try:
            if carried.repeated:
                await of_domain_error(RepeatedHeader(carried.repeated), scope["path"])(scope, receive, answer)
            elif carried.version != API_VERSION:
                await _unsupported(scope["path"], carried.version)(scope, receive, answer)
            else:
                await self.app(scope, receive, answer)
        except Exception as error:
            problem = _problem_for(error, scope)
            if answer.status:  # the answer has begun: all that is left is to break it off
                raise
            await problem(scope, receive, answer)
        finally:
            self._account(scope, answer.status or _CLIENT_WENT_AWAY, perf_counter() - started, current)

    def _account(self, scope: Scope, status: int, seconds: float, current: Span) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        route = route_of(scope)
        self._meter.observe(method, route, status, seconds)
        current.rename(f"{method} {route}")
        current.set("http.response.status_code", status)
        if status >= 500:
            current.fail(str(status))
        if status >= 400 or seconds >= self._slow:
            self._tell(method, route, status, seconds)

    def _tell(self, method: str, route: str, status: int, seconds: float) -> None:
        """Every such request is counted in the metrics; of a rush of them, the log tells some."""
        sampler = self._failures if status >= 500 else self._refusals
        withheld = sampler.admit((method, route, status))
        if withheld is not None:
            more = {"withheld": withheld} if withheld else {}
            log.info("request", method=method, route=route, status=status, seconds=round(seconds, 4), **more)


class _Answer:
    """Remembers the status and adds the correlation id to the head."""

    __slots__ = ("_correlation", "_send", "status")

    def __init__(self, send: Send, correlation: str) -> None:
        self._send = send
        self._correlation = correlation.encode()
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message["headers"], (b"x-correlation-id", self._correlation)]
        await self._send(message)


def route_of(scope: Scope) -> str:
    """The route's template (`/api/orders/{id}`), so that metrics stay few; `unmatched` for paths nobody serves."""
    context = scope.get("fastapi", {}).get("effective_route_context")
    path = getattr(context, "path_format", None) or getattr(scope.get("route"), "path", None)
    return path or "unmatched"


@dataclass(slots=True)
class _Carried:
    """What the headers say of the request itself; `repeated` names a header that must not come twice, and did."""

    correlation: str = ""
    parent: str = ""
    version: str = API_VERSION
    repeated: str = ""

    @classmethod
    def read(cls, headers: Iterable[tuple[bytes, bytes]]) -> _Carried:
        found = cls()
        seen: set[bytes] = set()
        for name, value in headers:
            if name in _SINGLE:
                if name in seen:
                    found.repeated = name.decode()
                seen.add(name)
                found._note(name, value.decode("latin-1"))
        found.correlation = found.correlation or f"cor_{random.getrandbits(128):032x}"
        return found

    def _note(self, name: bytes, text: str) -> None:
        if name == b"x-correlation-id":
            self.correlation = text if _CORRELATION.fullmatch(text) else ""
        elif name == b"traceparent":
            self.parent = valid_traceparent(text)
        elif name == b"x-api-version":
            self.version = text


def _problem_for(error: Exception, scope: Scope) -> ASGIApp:
    # JSON can spell half of a surrogate pair (`"\ud800"`), which no store and no answer can hold as UTF-8. Such text
    # comes from the request only, and fails before anything is committed.
    if "surrogates not allowed" in str(error):
        return problem_response(
            code="invalid_request",
            status=422,
            title="Invalid request",
            detail="a text in the request is not valid Unicode: it holds a lone surrogate",
            instance=scope["path"],
        )
    log.exception("request_failed", method=scope["method"], route=route_of(scope))
    return internal_error(scope["path"])


def _unsupported(path: str, version: str) -> ASGIApp:
    return problem_response(
        code="unsupported_api_version",
        status=400,
        title="Unsupported API version",
        detail=f"version {version[:20]!r} is not served",
        instance=path,
        next_step=f"send X-API-Version: {API_VERSION}, or leave it out",
    )


class BodyLimit:
    """No body above the limit is ever held in memory, whether it says its length or not."""

    def __init__(self, app: ASGIApp, *, limit: int = LARGEST_BODY) -> None:
        self.app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        length = _content_length(scope["headers"])
        if length is None:
            await self.app(scope, self._counted(receive), send)
        elif length <= self._limit:
            await self.app(scope, receive, send)
        else:
            await self._refusal(scope["path"])(scope, receive, send)

    def _counted(self, receive: Receive) -> Receive:
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._limit:
                raise HTTPException(413, self._detail())
            return message

        return counted

    def _refusal(self, path: str) -> ASGIApp:
        return problem_response(
            code="body_too_large",
            status=413,
            title="Body too large",
            detail=self._detail(),
            instance=path,
            headers={"Connection": "close"},
        )

    def _detail(self) -> str:
        return f"a body may have at most {self._limit} bytes"


def _content_length(headers: Iterable[tuple[bytes, bytes]]) -> int | None:
    for name, value in headers:
        if name == b"content-length":
            return int(value) if value.isdigit() else None
    return None
