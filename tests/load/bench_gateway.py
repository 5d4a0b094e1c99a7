"""Requests through the gateway, and the processor time of each, beside nginx, Spring Cloud Gateway and bare uvicorn.

All sides of `gateway_sides` are measured alternately, BENCH_ROUNDS times for BENCH_SECONDS, after rounds that warm
them up; rows hold medians. CPU is the proxy's own, user and system: the backend's and wrk's are not in it, nor what the
guarded sides cause in Redis (the gateway and Spring Cloud Gateway, one round trip a request or less).
"""

from __future__ import annotations

import asyncio
import os
import re
from statistics import median
from typing import Any, NamedTuple

import aiohttp

from amazonlite.common.testing.fakes import SigningKey, mint_token
from load.gateway_sides import Side, started
from load.loopback import cpu_seconds

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "4"))
CONNECTIONS = 32
JIT_ROUNDS = -(-20 // SECONDS)  # 20 s: a JVM compiles what is asked often; on a busy machine it takes minutes
FORGED = {"Authorization": f"Bearer {mint_token('usr_bench', key=SigningKey())}"}
_OTHERS = {
    "nginx": "nginx proxy_pass",
    "spring": "Spring Cloud Gateway",
    "uvicorn": "uvicorn, no proxy",
    "nginx guarded": "nginx auth_request, limit_req",
    "spring guarded": "Spring Cloud Gateway, the same",
    "uvicorn guarded": "uvicorn, no proxy, no Redis",
}
_JOBS = {"gateway": "routed", "gateway guarded": "token, limit"}


class Round(NamedTuple):
    """Requests a second, their median latency in ms, and the side's CPU for each in µs."""

    rate: float
    latency: float
    cpu: float


async def run() -> list[dict[str, Any]]:
    async with started() as sides:
        for name, side in sides.items():
            await _warm_up(name, side)
        rounds: dict[str, list[Round]] = {name: [] for name in sides}
        for _ in range(ROUNDS):
            for name, side in sides.items():
                rounds[name].append(await _measured(side))
    return _rows({name: Round(*map(median, zip(*each, strict=True))) for name, each in rounds.items()})


async def _warm_up(name: str, side: Side) -> None:
    """Also makes sure that who says it checks tokens does."""
    for _ in range(JIT_ROUNDS if name.startswith("spring") else 1):
        await _wrk(side)
    if side.headers:
        async with aiohttp.ClientSession() as session, session.get(side.url, headers=FORGED) as answer:
            if answer.status != 401:
                raise RuntimeError(f"{name} answers {answer.status} to a token that nobody signed.")


def _rows(measured: dict[str, Round]) -> list[dict[str, Any]]:
    rows = [
        _row(f"gateway: {job}", unit, getattr(measured[ours], field), getattr(measured[other], field), _OTHERS[other])
        for field, unit in (("rate", "requests/s"), ("cpu", "µs CPU a request"))
        for ours, job in _JOBS.items()
        for other in (ours.replace("gateway", name) for name in ("nginx", "spring", "uvicorn"))
    ]
    latency = [("gateway", "uvicorn"), ("gateway guarded", "spring guarded")]
    return rows + [
        _row(
            f"gateway: {_JOBS[ours]}, {CONNECTIONS} clients",
            *("ms, median", measured[ours].latency, measured[other].latency, _OTHERS[other]),
        )
        for ours, other in latency
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


async def _measured(side: Side) -> Round:
    before = cpu_seconds(side.pid)
    requests, rate, latency = await _wrk(side)
    if not requests:
        raise RuntimeError(f"{side.url} answered nothing in {SECONDS} s; measure longer.")
    return Round(rate, latency, (cpu_seconds(side.pid) - before) / requests * 1e6)


async def _wrk(side: Side) -> tuple[int, float, float]:
    """(requests, requests a second, median latency in ms); any answer but 2xx makes a figure worthless and raises."""
    command = [
        "wrk",
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{SECONDS}s",
        "--timeout",
        "10s",
        "--latency",
        *side.headers,
        side.url,
    ]
    child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output = (await child.communicate())[0].decode()
    if "Non-2xx" in output or "Socket errors" in output:
        raise RuntimeError(f"{side.url} failed under load:\n{output}")
    count = re.search(r"(\d+) requests in", output)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    middle = re.search(r"50%\s+([\d.]+)(us|ms|s)", output)
    if count is None or rate is None or middle is None:
        raise RuntimeError(f"wrk said:\n{output}")
    return int(count[1]), float(rate[1]), float(middle[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[middle[2]]


if __name__ == "__main__":
    for measured_row in asyncio.run(run()):
        print(measured_row)
