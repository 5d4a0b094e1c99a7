"""A request reaches a backend only over a known route, with a good token or none, and within its client's limit.

Plain ASGI in front of the FastAPI application: no routing or validation machinery runs for what is only passed on.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from time import monotonic
from typing import NamedTuple

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from amazonlite.common.core.context import correlation_id, traceparent
from amazonlite.common.core.errors import DomainError, Unauthorized
from amazonlite.common.http.network import network_of
from amazonlite.common.http.problems import of_domain_error, problem_response
from amazonlite.common.security.jwt import Principal, TokenMissing, TokenVerifier
from amazonlite.common.security.principal import bearer_of
from amazonlite.gateway.answer import Answer, Body, HeaderList
from amazonlite.gateway.backends import Targets
from amazonlite.gateway.bounds import Bounds
from amazonlite.gateway.domain import RateLimit, RouteNotFound, Rule, refuse_unsafe
from amazonlite.gateway.errors import RateLimited, RequestTimedOut, TokenRevoked
from amazonlite.gateway.forward import IDEMPOTENT, Incoming, TrustedProxies, answer_headers, request_bytes
from amazonlite.gateway.limits import Ask, Decision, Limits
from amazonlite.gateway.refusals import RefusedTokens
from amazonlite.gateway.routebook import RouteBook

OWN_PATHS = frozenset({"/", "/healthz", "/readyz", "/openapi.json"})
OWN_PREFIXES = ("/internal", "/fallback/")
METRICS = "/metrics"
_CLOSE = {"Connection": "close"}  # the rest of the body is not waited for


class Parts(NamedTuple):
    """What the proxy works with; all of it outlives every request. Metrics are told at `internal_port` only."""

    book: RouteBook
    verifier: TokenVerifier
    limits: Limits
    refused: RefusedTokens
    bounds: Bounds
    targets: Targets
    proxies: TrustedProxies
    timeout: float
    internal_port: int = 0
    draw: Callable[[], float] = random.random


class _Served:
    """Stands where FastAPI puts its route, so that metrics name the rule's path instead of `unmatched`."""

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        self.path = path


class _Sender(NamedTuple):
    """Who sent the request: the way it came, client first, and what limits count the client by."""

    chain: Sequence[str]
    network: str


class Proxy:
    """Paths of the gateway itself go on to `app`, everything else to a backend; /internal never leaves."""

    def __init__(self, app: ASGIApp, parts: Parts) -> None:
        self._app, self._parts = app, parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._is_own(scope):
            await self._app(scope, receive, send)
            return
        try:
            await self._proxy(scope, receive, send)
        except DomainError as error:
            await of_domain_error(error, scope["path"])(scope, receive, send)
        except HTTPException as error:  # the body limit, found while reading
            await _too_large(error, scope["path"])(scope, receive, send)

    def _is_own(self, scope: Scope) -> bool:
        path: str = scope["path"]
        if path == METRICS:
            return bool(scope["server"] and scope["server"][1] == self._parts.internal_port)
        return path in OWN_PATHS or path.startswith(OWN_PREFIXES)

    async def _proxy(self, scope: Scope, receive: Receive, send: Send) -> None:
        parts, path = self._parts, scope["path"]
        refuse_unsafe(path, scope["raw_path"])
        if path == METRICS:
            raise RouteNotFound("Metrics are told inside the cluster only.")
        rule = parts.book.table.find(path, scope["method"], scope["headers"])
        scope["route"] = _Served(rule.matches[0].path)
        incoming = Incoming.read(scope["headers"])
        sender = self._sender(scope, incoming)
        with parts.bounds.entered(sender.network, incoming.body_bytes):
            deadline = monotonic() + (rule.timeout or parts.timeout)
            added = await self._admit(rule, incoming, sender)
            try:
                body = await _read(receive, deadline) if incoming.body_bytes else b""
                answer = await self._send(scope, rule, incoming, body, sender, deadline)
            except DomainError as error:
                error.headers.update({name.decode(): value.decode() for name, value in added})
                raise
            await _respond(answer, added, receive, send)

    def _sender(self, scope: Scope, incoming: Incoming) -> _Sender:
        peer = scope["client"][0] if scope["client"] else "unknown"
        chain = self._parts.proxies.chain_of(peer, incoming.forwarded_for.decode("latin-1"))
        return _Sender(chain, network_of(chain[0]))

    async def _admit(self, rule: Rule, incoming: Incoming, sender: _Sender) -> HeaderList:
        """Headers that tell the client what it has left of the limit; a token that is refused counts for another."""
        try:
            principal = await self._authenticate(rule, incoming, sender.network)
            return await self._limit(rule, principal, sender.network)
        except Unauthorized:
            await self._parts.refused.count(sender.network)
            raise

    async def _authenticate(self, rule: Rule, incoming: Incoming, network: str) -> Principal | None:
        if incoming.authorization:
            token = bearer_of(incoming.authorization.decode("latin-1"))
            if not self._parts.verifier.knows(token):
                self._parts.refused.refuse_barred(network)
            principal = await self._parts.verifier.verify(token)
            incoming.token = token
            return principal
        if rule.auth_required:
            raise TokenMissing
        return None

    async def _limit(self, rule: Rule, principal: Principal | None, network: str) -> HeaderList:
        """One round trip for revocation and limit."""
        limit = rule.rate_limit
        if principal is None and limit is None:
            return []
        client = network if principal is None or rule.limited_by_address else principal.subject
        decision = await self._parts.limits.decide(
            Ask(rule.route, client, limit, principal.session_id if principal else "")
        )
        if decision.revoked:
            raise TokenRevoked("The session of this token has ended.", next_step="Log in again.")
        if limit is None:
            return []
        headers = _limit_headers(limit, decision)
        if not decision.allowed:
            raise RateLimited(
                f"More than {limit.quota} requests in {limit.window} s.",
                retry_after=decision.wait,
                headers={name.decode(): value.decode() for name, value in headers},
            )
        return headers

    async def _send(
        self, scope: Scope, rule: Rule, incoming: Incoming, body: bytes, sender: _Sender, deadline: float
    ) -> Answer:
        parts, method = self._parts, scope["method"]
        target = parts.targets.of(rule.choose(parts.draw()))
        request = request_bytes(
            scope,
            incoming,
            body,
            host_line=target.host_line,
            chain=sender.chain,
            trace=(correlation_id.get(), traceparent.get()),
        )
        repeatable = incoming.keyed or method in IDEMPOTENT
        return await target.send(request, method=method, repeatable=repeatable, seconds=deadline - monotonic())


async def _read(receive: Receive, deadline: float) -> bytes:
    """The whole body; the layer outside limits its size."""
    chunks: list[bytes] = []
    more = True
    try:
        async with asyncio.timeout(deadline - monotonic()):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise RequestTimedOut("The client left before its body was complete.", headers=_CLOSE)
                chunks.append(message.get("body", b""))
                more = message.get("more_body", False)
    except TimeoutError as error:
        raise RequestTimedOut("The body was not complete in the time of the route.", headers=_CLOSE) from error
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def _respond(answer: Answer, added: HeaderList, receive: Receive, send: Send) -> None:
    headers = answer_headers(answer.headers, added)
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if answer.stream is None:
        await send({"type": "http.response.body", "body": answer.body})
        return
    gone = asyncio.ensure_future(_gone(receive, answer.stream))
    try:
        async for chunk in answer.stream:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()


async def _gone(receive: Receive, stream: Body) -> None:
    """A client that leaves in the middle of a stream ends it at the backend too."""
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.abandon()


def _limit_headers(limit: RateLimit, decision: Decision) -> HeaderList:
    """`RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers-10."""
    return [
        (b"ratelimit-policy", b'"default";q=%d;w=%d' % (limit.quota, limit.window)),
        (b"ratelimit", b'"default";r=%d;t=%d' % (decision.remaining, decision.reset)),
    ]


def _too_large(error: HTTPException, path: str) -> ASGIApp:
    return problem_response(
        code="body_too_large",
        status=error.status_code,
        title="Body too large",
        detail=error.detail,
        instance=path,
        headers=_CLOSE,
    )
