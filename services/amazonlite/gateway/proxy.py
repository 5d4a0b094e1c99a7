"""A request reaches a backend only over a known route, with a good token or none, and within its client's limit.

Plain ASGI in front of the FastAPI application: no routing or validation machinery runs for what is only passed on.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import NamedTuple

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from amazonlite.common.core.context import correlation_id, traceparent
from amazonlite.common.core.errors import DomainError
from amazonlite.common.http.problems import of_domain_error, problem_response
from amazonlite.common.security.jwt import Principal, TokenMissing, TokenVerifier
from amazonlite.common.security.principal import bearer_of
from amazonlite.gateway.answer import Answer, Body, HeaderList
from amazonlite.gateway.backends import Targets
from amazonlite.gateway.domain import RateLimit, Rule, refuse_unsafe
from amazonlite.gateway.errors import RateLimited, RequestTimedOut, TokenRevoked
from amazonlite.gateway.forward import IDEMPOTENT, Incoming, TrustedProxies, answer_headers, request_bytes
from amazonlite.gateway.limits import Ask, Decision, Limits
from amazonlite.gateway.routebook import RouteBook

OWN_PATHS = frozenset({"/", "/healthz", "/readyz", "/metrics", "/openapi.json"})
OWN_PREFIXES = ("/internal", "/fallback/")
BODY_SECONDS = 30.0


class Parts(NamedTuple):
    """What the proxy works with; all of it outlives every request."""

    book: RouteBook
    verifier: TokenVerifier
    limits: Limits
    targets: Targets
    proxies: TrustedProxies
    timeout: float
    draw: Callable[[], float] = random.random


class _Served:
    """Stands where FastAPI puts its route, so that metrics name the rule's path instead of `unmatched`."""

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        self.path = path


class Proxy:
    """Paths of the gateway itself go on to `app`, everything else to a backend; /internal never leaves."""

    def __init__(self, app: ASGIApp, parts: Parts) -> None:
        self._app, self._parts = app, parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in OWN_PATHS or scope["path"].startswith(OWN_PREFIXES):
            await self._app(scope, receive, send)
            return
        try:
            await self._proxy(scope, receive, send)
        except DomainError as error:
            await of_domain_error(error, scope["path"])(scope, receive, send)
        except HTTPException as error:  # the body limit, found while reading
            await _too_large(error, scope["path"])(scope, receive, send)

    async def _proxy(self, scope: Scope, receive: Receive, send: Send) -> None:
        parts, path = self._parts, scope["path"]
        refuse_unsafe(path, scope["raw_path"])
        rule = parts.book.table.find(path, scope["method"], scope["headers"])
        scope["route"] = _Served(rule.matches[0].path)
        incoming = Incoming.read(scope["headers"])
        principal = await self._authenticate(rule, incoming)
        peer = scope["client"][0] if scope["client"] else "unknown"
        added = await self._admit(rule, principal, incoming, peer)
        body = await _read(receive) if incoming.has_body else b""
        try:
            answer = await self._send(scope, rule, incoming, body, peer)
        except DomainError as error:
            error.headers.update({name.decode(): value.decode() for name, value in added})
            raise
        await _respond(answer, added, receive, send)

    async def _authenticate(self, rule: Rule, incoming: Incoming) -> Principal | None:
        if incoming.authorization:
            token = bearer_of(incoming.authorization.decode("latin-1"))
            principal = await self._parts.verifier.verify(token)
            incoming.token = token
            return principal
        if rule.auth_required:
            raise TokenMissing
        return None

    async def _admit(self, rule: Rule, principal: Principal | None, incoming: Incoming, peer: str) -> HeaderList:
        """One round trip for revocation and limit; the headers that tell the client what it has left."""
        limit = rule.rate_limit
        if principal is not None:
            client, session = principal.subject, principal.session_id
        elif limit is None:
            return []
        else:
            client = self._parts.proxies.client_of(peer, incoming.forwarded_for.decode("latin-1"))
            session = ""
        decision = await self._parts.limits.decide(Ask(rule.route, client, limit, session))
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

    async def _send(self, scope: Scope, rule: Rule, incoming: Incoming, body: bytes, peer: str) -> Answer:
        parts, method = self._parts, scope["method"]
        target = parts.targets.of(rule.choose(parts.draw()))
        request = request_bytes(
            scope,
            incoming,
            body,
            host_line=target.host_line,
            client=peer.encode(),
            trusted=parts.proxies.trusts(peer),
            trace=(correlation_id.get(), traceparent.get()),
        )
        repeatable = incoming.keyed or method in IDEMPOTENT
        seconds = rule.timeout or parts.timeout
        return await target.send(request, method=method, repeatable=repeatable, seconds=seconds)


async def _read(receive: Receive) -> bytes:
    """The whole body; the layer outside limits its size."""
    message = await receive()
    if not message.get("more_body"):
        return message.get("body", b"")  # type: ignore[no-any-return]
    chunks = [message["body"]]
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while message.get("more_body"):
                message = await receive()
                chunks.append(message.get("body", b""))
    except TimeoutError as error:
        raise RequestTimedOut(f"The body was not complete after {BODY_SECONDS:g} s.") from error
    return b"".join(chunks)


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
        headers={"Connection": "close"},
    )
