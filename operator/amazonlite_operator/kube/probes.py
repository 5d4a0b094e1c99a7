"""/healthz and /readyz on one port, /metrics on another."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from amazonlite.common.observe.metrics import render

# Empty: well. Otherwise why not.
Check = Callable[[], str]


async def serve_probes(port: int, *, healthy: Check, ready: Check) -> web.AppRunner:
    return await _serve(port, {"/healthz": _probe(healthy), "/readyz": _probe(ready)})


async def serve_metrics(port: int) -> web.AppRunner:
    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=render(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    return await _serve(port, {"/metrics": metrics})


def _probe(check: Check) -> Callable[[web.Request], object]:
    async def answer(_: web.Request) -> web.Response:
        reason = check()
        return web.Response(status=503 if reason else 200, text=reason or "ok")

    return answer


async def _serve(port: int, routes: dict[str, object]) -> web.AppRunner:
    app = web.Application()
    app.add_routes([web.get(path, handler) for path, handler in routes.items()])  # type: ignore[arg-type]
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "0.0.0.0", port).start()  # noqa: S104 - probes come from the node
    return runner
