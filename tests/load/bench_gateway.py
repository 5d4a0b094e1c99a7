"""Requests through the gateway beside nginx before the same backend, and what a request costs beside going straight.

Everything runs on loopback, in processes of this run: the backend is plain ASGI on uvicorn, nginx has its own config in
a scratch folder, Redis is its own too. Both sides of a row are measured alternately, five times; rows hold medians.
"""

from __future__ import annotations

import asyncio
import os
import re
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from amazonlite.common.security.keys import public_jwk
from amazonlite.common.testing.fakes import TEST_KEY, mint_token
from amazonlite.common.testing.kube_api import FakeKubeApi, http_route, rule
from load.loopback import process, ready
from support.ports import free_port

ROUNDS = 5
SECONDS = int(os.environ.get("BENCH_SECONDS", "4"))
CONNECTIONS = 32
NGINX = """
daemon off; worker_processes 1; pid {dir}/nginx.pid; error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
  access_log off; client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy;
  fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  upstream backend {{ server 127.0.0.1:{backend}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
"""
BODY = b'{"sku":"B000000001","title":"A measured thing","price":{"amount":1999,"currency":"USD"}}'


async def backend(scope: Any, receive: Any, send: Any) -> None:
    """The service behind both proxies: the smallest ASGI answer, so that the proxies are what differs."""
    if scope["type"] != "http":
        return
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})


async def run() -> list[dict[str, Any]]:
    async with AsyncExitStack() as stack:
        sides = await _start(stack)
        measured: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
        for _ in range(ROUNDS):
            for name, (url, headers) in sides.items():
                measured[name].append(await _wrk(url, headers))
    rate = {name: statistics.median(each[0] for each in rounds) for name, rounds in measured.items()}
    latency = {name: statistics.median(each[1] for each in rounds) for name, rounds in measured.items()}
    return [
        _row("gateway: requests routed", "requests/s", rate["gateway"], rate["nginx"], "nginx proxy_pass"),
        _row("gateway: token, revocation, limit", "requests/s", rate["guarded"], rate["nginx"], "nginx, none of these"),
        _row(
            "gateway: median latency, 32 clients", "ms", latency["gateway"], latency["bare"], "uvicorn without a proxy"
        ),
    ]


def _row(job: str, unit: str, ours: float, other: float, other_name: str) -> dict[str, Any]:
    return {
        "job": job,
        "unit": unit,
        "ours": round(ours, 2),
        "other": round(other, 2),
        "otherName": other_name,
        "ratio": round(ours / other, 3),
        "wanted": None,
        "holds": True,
    }


async def _start(stack: AsyncExitStack) -> dict[str, tuple[str, list[str]]]:
    scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-gateway-")))
    ports = {name: free_port() for name in ("bare", "nginx", "gateway", "redis")}
    routes = await stack.enter_async_context(_routes(ports["bare"]))
    conf = scratch / "nginx.conf"
    conf.write_text(NGINX.format(dir=scratch, backend=ports["bare"], port=ports["nginx"]))
    here = str(Path(__file__).parent)
    uvicorn = ["uvicorn", "bench_gateway:backend", "--app-dir", here, "--no-access-log", "--log-level", "error"]
    for command, port in (
        ([sys.executable, "-m", *uvicorn, "--port", str(ports["bare"])], ports["bare"]),
        (["nginx", "-p", str(scratch), "-c", str(conf)], ports["nginx"]),
        (["redis-server", "--port", str(ports["redis"]), "--save", "", "--dir", str(scratch)], ports["redis"]),
        ([sys.executable, "-m", "amazonlite.gateway"], ports["gateway"]),
    ):
        environment = {
            "PORT": str(port),
            "REDIS_URL": f"redis://127.0.0.1:{ports['redis']}/0",
            "KUBE_API_URL": routes,
            "AUTH_URL": routes,
            "LOG_LEVEL": "warning",
        }
        await stack.enter_async_context(process(command, port, environment))
    await ready(f"http://127.0.0.1:{ports['gateway']}/readyz")
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    bearer = ["-H", f"Authorization: Bearer {mint_token('usr_bench', ttl=3600)}"]
    return {
        "bare": (f"{urls['bare']}/api/products/B000000001", []),
        "nginx": (f"{urls['nginx']}/api/products/B000000001", []),
        "gateway": (f"{urls['gateway']}/api/products/B000000001", []),
        "guarded": (f"{urls['gateway']}/api/guarded/B000000001", bearer),
    }


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


async def _wrk(url: str, headers: list[str]) -> tuple[float, float]:
    """(requests a second, median latency in ms); any answer but 2xx makes the figure worthless and raises."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency", *headers, url]
    child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output = (await child.communicate())[0].decode()
    if "Non-2xx" in output or "Socket errors" in output:
        raise RuntimeError(f"{url} failed under load:\n{output}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    median = re.search(r"50%\s+([\d.]+)(us|ms|s)", output)
    if rate is None or median is None:
        raise RuntimeError(f"wrk said:\n{output}")
    return float(rate[1]), float(median[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[median[2]]


if __name__ == "__main__":
    for measured_row in asyncio.run(run()):
        print(measured_row)
