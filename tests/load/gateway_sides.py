"""The gateway and what it is measured beside: nginx, Spring Cloud Gateway, and uvicorn without a proxy.

All run on loopback before the same backend, plain ASGI on uvicorn, each with a path without checks and one that is
guarded: a token is verified once and remembered, and requests are counted for a limit that none of them reaches.
"""

from __future__ import annotations

import getpass
import grp
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

from amazonlite.common.core.errors import Unauthorized
from amazonlite.common.security.jwks import JwksSource
from amazonlite.common.security.jwt import TokenVerifier
from amazonlite.common.security.keys import public_jwk
from amazonlite.common.testing.fakes import TEST_KEY, mint_token
from amazonlite.common.testing.kube_api import FakeKubeApi, http_route, rule
from amazonlite.gateway.domain import RateLimit
from amazonlite.gateway.limits import Ask, LocalLimiter
from load import spring_gateway
from load.loopback import process, ready
from support.ports import free_port

# nginx verifies no token itself: it asks (`auth_request`) and remembers the answer. Its limit is in its own memory.
NGINX = """
daemon off; worker_processes 1; user {user} {group}; pid {dir}/nginx.pid; error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
  access_log off; client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy;
  fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  proxy_cache_path {dir}/cache keys_zone=tokens:1m;
  limit_req_zone $http_authorization zone=clients:10m rate=1000000r/s;
  upstream backend {{ server 127.0.0.1:{backend}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{port};
    proxy_http_version 1.1; proxy_set_header Connection "";
    location / {{ proxy_pass http://backend; }}
    location /api/guarded {{
      limit_req zone=clients burst=1000000 nodelay;
      auth_request /token;
      proxy_pass http://backend;
    }}
    location = /token {{
      internal;
      proxy_pass http://127.0.0.1:{verifier}; proxy_pass_request_body off; proxy_set_header Content-Length "";
      proxy_cache tokens; proxy_cache_key $http_authorization; proxy_cache_valid 200 10s;
    }}
  }}
}}
"""
BODY = b'{"sku":"B000000001","title":"A measured thing","price":{"amount":1999,"currency":"USD"}}'
PLAIN, GUARDED = "/api/products/B000000001", "/api/guarded/B000000001"


class Side(NamedTuple):
    """Where requests are sent, and the process whose processor time they cost, beside the backend's."""

    url: str
    pid: int
    headers: tuple[str, ...] = ()


async def backend(scope: Any, receive: Any, send: Any) -> None:
    """The service behind the proxies: the smallest ASGI answer, so that the proxies are what differs."""
    if scope["type"] == "http":
        await _answer(send, 200)


class Guarded:
    """The same answer to good tokens within a limit only: what the checks themselves cost."""

    def __init__(self) -> None:
        self._verifier = TokenVerifier(JwksSource(f"{os.environ['AUTH_URL']}/api/auth/.well-known/jwks.json"))
        self._limiter = LocalLimiter(monotonic)
        self._limit = RateLimit(1_000_000, 1)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        sent = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        try:
            asking = await self._verifier.verify(sent.removeprefix(b"Bearer ").decode())
        except Unauthorized:
            await _answer(send, 401)
            return
        decision = self._limiter.take(Ask("guarded", asking.subject, self._limit, asking.session_id))
        await _answer(send, 200 if decision.allowed else 429)


def guarded() -> Guarded:
    return Guarded()


async def _answer(send: Any, status: int) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})


@asynccontextmanager
async def started() -> AsyncIterator[dict[str, Side]]:
    """`gateway`, `nginx`, `spring` and `uvicorn`, and each as `… guarded`."""
    async with AsyncExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-gateway-")))
        ports = {name: free_port() for name in ("backend", "uvicorn", "nginx", "gateway", "spring", "redis")}
        routes = await stack.enter_async_context(_routes(ports["backend"]))
        environment = _environment(ports, routes)
        pids = {}
        for name, command in (await _commands(scratch, ports)).items():
            settings = {**environment, "PORT": str(ports[name])}
            pids[name] = await stack.enter_async_context(process(command, ports[name], settings))
        await ready(f"http://127.0.0.1:{ports['gateway']}/readyz")
        yield _sides(ports, pids)


def _environment(ports: dict[str, int], routes: str) -> dict[str, str]:
    return {
        "REDIS_URL": f"redis://127.0.0.1:{ports['redis']}/0",
        "KUBE_API_URL": routes,
        "AUTH_URL": routes,
        "LOG_LEVEL": "warning",
        "SERVER_PORT": str(ports["spring"]),
        "REDIS_PORT": str(ports["redis"]),
        "BACKEND": f"http://127.0.0.1:{ports['backend']}",
        "TOKEN_KEY": str(public_jwk(TEST_KEY.kid, TEST_KEY.private.public_key())["x"]),
    }


async def _commands(scratch: Path, ports: dict[str, int]) -> dict[str, list[str]]:
    conf = scratch / "nginx.conf"
    conf.write_text(
        NGINX.format(
            user=getpass.getuser(),
            group=grp.getgrgid(os.getgid()).gr_name,
            dir=scratch,
            backend=ports["backend"],
            verifier=ports["uvicorn"],
            port=ports["nginx"],
        )
    )
    redis = ["redis-server", "--port", str(ports["redis"]), "--bind", "127.0.0.1", "--save", "", "--dir", str(scratch)]
    return {
        "redis": redis,
        "backend": [*_uvicorn("backend"), "--port", str(ports["backend"])],
        "uvicorn": [*_uvicorn("guarded"), "--factory", "--port", str(ports["uvicorn"])],
        "nginx": ["nginx", "-p", str(scratch), "-c", str(conf)],
        "gateway": [sys.executable, "-m", "amazonlite.gateway"],
        "spring": await spring_gateway.command(),
    }


def _uvicorn(app: str) -> list[str]:
    tests = str(Path(__file__).parents[1])
    # as long as our services keep a connection: the default of 5 s closes those that a proxy's pool would use again
    options = ["--app-dir", tests, "--no-access-log", "--log-level", "error", "--timeout-keep-alive", "75"]
    return [sys.executable, "-m", "uvicorn", f"load.gateway_sides:{app}", *options]


def _sides(ports: dict[str, int], pids: dict[str, int]) -> dict[str, Side]:
    bearer = ("-H", f"Authorization: Bearer {mint_token('usr_bench', ttl=3600)}")
    sides = {"uvicorn": Side(f"http://127.0.0.1:{ports['backend']}{PLAIN}", pids["backend"])}
    for name in ("gateway", "nginx", "spring"):
        sides[name] = Side(f"http://127.0.0.1:{ports[name]}{PLAIN}", pids[name])
    for name in ("gateway", "nginx", "spring", "uvicorn"):
        sides[f"{name} guarded"] = Side(f"http://127.0.0.1:{ports[name]}{GUARDED}", pids[name], bearer)
    return sides


@asynccontextmanager
async def _routes(port: int) -> AsyncIterator[str]:
    """One server for what the gateway reads at its start: routes and token keys."""
    keys = {"keys": [public_jwk(TEST_KEY.kid, TEST_KEY.private.public_key())]}
    async with FakeKubeApi({"/api/auth/.well-known/jwks.json": keys}) as api:
        for name in ("auth", "inventory", "orders", "payments", "flash-sales", "products"):
            await api.put(http_route(name, rule(f"/api/{name}", ("127.0.0.1", port, 1))))
        await api.put(
            http_route(
                "guarded", rule("/api/guarded", ("127.0.0.1", port, 1)), auth="required", rate_limit="1000000/1s"
            )
        )
        yield api.url
