"""Claims through the gateway beside an empty handler and beside one short transaction a claim (see ``rival``).

The gateways, the pods of the three handlers, Redis and the load are processes of this run on loopback; MySQL is the
shop's server with a scratch database a side, Kafka a broker of the run's own. The sides take turns, five times; rows
hold medians. Every claim is another shopper's, with a token and a ticket of its own, and every answer must be a hold.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from amazonlite.common.core.clock import iso
from amazonlite.common.core.settings import KafkaSettings, MysqlSettings
from amazonlite.common.security.keys import public_jwk
from amazonlite.common.testing import stores
from amazonlite.common.testing.fakes import TEST_KEY, mint_token
from amazonlite.common.testing.kube_api import FakeKubeApi, http_route, rule
from amazonlite.inventory.flash_sale.ticket import Ticket, TicketOffice
from load.loopback import process, ready
from support.ports import free_port

ROUNDS = 5
SECONDS = int(os.environ.get("BENCH_SECONDS", "4"))
PODS = (1, 2)  # the chart deploys two
CONNECTIONS = 200  # as many as the rush test's sale admits at once
# More than any side can take in one turn; each turn uses lines that none before it has.
LINES_A_TURN = SECONDS * 4000
QUIET_LOOKS = 5
SIDES = ("ours", "empty", "alone")
EMPTY, ALONE = "same path, empty handler", "one short transaction a claim"
SKU, TICKET_KEY = "BENCHMARKED", "5a" * 32


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of one side: claims a second, and the 95th percentile of their latency in ms."""

    rate: float
    p95: float


async def run() -> list[dict[str, Any]]:
    """Four rows for each number of pods; raises when any claim of a side failed, for then its figure says nothing."""
    return [row for pods in PODS for row in await _measure(pods)]


async def _measure(pods: int) -> list[dict[str, Any]]:
    async with AsyncExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-claims-")))
        gateways, backends = await _start(stack, scratch, pods)
        turns: dict[str, list[Turn]] = {side: [] for side in SIDES}
        for round_number in range(ROUNDS):
            for side in SIDES:
                turns[side].append(await _turn(gateways[side], scratch / side, round_number * LINES_A_TURN))
                for backend in backends[side]:
                    await _quiet(backend)
    rate = {side: statistics.median(turn.rate for turn in turns[side]) for side in SIDES}
    p95 = {side: statistics.median(turn.p95 for turn in turns[side]) for side in SIDES}
    where = f"{pods} pod{'s' if pods > 1 else ''}"
    return [
        _row(f"claims through the gateway, {where}", "claims/s", rate["ours"], rate["empty"], EMPTY, 0.5),
        _row(f"claims beside transactions, {where}", "claims/s", rate["ours"], rate["alone"], ALONE, 5.0),
        _row(f"claims p95, {CONNECTIONS} at once, {where}", "ms", p95["ours"], p95["empty"], EMPTY, None),
        _row(f"claims p95 beside transactions, {where}", "ms", p95["ours"], p95["alone"], ALONE, None),
    ]


def _row(job: str, unit: str, ours: float, other: float, other_name: str, wanted: float | None) -> dict[str, Any]:
    ratio = ours / other
    return {
        "job": job,
        "unit": unit,
        "ours": round(ours, 2),
        "other": round(other, 2),
        "otherName": other_name,
        "ratio": round(ratio, 3),
        "wanted": wanted,
        "holds": wanted is None or ratio >= wanted,
    }


async def _start(stack: AsyncExitStack, scratch: Path, pods: int) -> tuple[dict[str, str], dict[str, list[str]]]:
    """By side, the URL of the sale behind a gateway of its own, and those of the handlers behind the gateway."""
    keys = {"keys": [public_jwk(TEST_KEY.kid, TEST_KEY.private.public_key())]}
    kafka = await stack.enter_async_context(stores_kafka())
    urls, backends = {}, {}
    for side in SIDES:
        api = await stack.enter_async_context(FakeKubeApi({"/api/auth/.well-known/jwks.json": keys}))
        redis = await _redis(stack, scratch)
        ports, gateway = [free_port() for _ in range(pods)], free_port()
        shared = {"REDIS_URL": redis, "AUTH_URL": api.url, "LOG_LEVEL": "error"}
        await api.put(http_route("sales", rule("/api/flash-sales", *(("127.0.0.1", port, 1) for port in ports))))
        handler = [
            sys.executable,
            "-c",
            f"from amazonlite.common.http.serve import run; run('load.claim_handlers:{side}')",
        ]
        environment = shared | _environment(stack, kafka)
        for port in ports:
            await stack.enter_async_context(process(handler, port, environment))
        proxy = [sys.executable, "-m", "amazonlite.gateway"]
        await stack.enter_async_context(process(proxy, gateway, shared | {"KUBE_API_URL": api.url}))
        await ready(f"http://127.0.0.1:{gateway}/readyz")
        backends[side] = [f"http://127.0.0.1:{port}" for port in ports]
        sale = await _open_sale(backends[side][0]) if side != "empty" else "fs_empty"
        _write_shoppers(scratch / side, sale)
        urls[side] = f"http://127.0.0.1:{gateway}/api/flash-sales/{sale}/claims"
    return urls, backends


@asynccontextmanager
async def stores_kafka() -> AsyncIterator[KafkaSettings]:
    """The broker named by BENCH_KAFKA, or else one of this run's own in the cluster."""
    if named := os.environ.get("BENCH_KAFKA"):
        yield KafkaSettings(bootstrap=named)
        return
    from load.scratch_kafka import scratch_kafka  # noqa: PLC0415 - needs a cluster, which BENCH_KAFKA does without

    async with scratch_kafka() as kafka:
        yield kafka


async def _redis(stack: AsyncExitStack, scratch: Path) -> str:
    """With an append-only file, as the shop's has."""
    port = free_port()
    folder = scratch / f"redis-{port}"
    folder.mkdir()
    options = {"port": port, "save": "", "appendonly": "yes", "appendfsync": "everysec", "dir": folder}
    command = ["redis-server", *(word for name, value in options.items() for word in (f"--{name}", str(value)))]
    await stack.enter_async_context(process(command, port, {}))
    return f"redis://127.0.0.1:{port}/0"


def _environment(stack: AsyncExitStack, kafka: KafkaSettings) -> dict[str, str]:
    mysql: MysqlSettings = stores.create_database("inventory")
    stack.callback(stores.drop_database, mysql)
    return {
        "MYSQL_HOST": mysql.host,
        "MYSQL_PORT": str(mysql.port),
        "MYSQL_DATABASE": mysql.database,
        "MYSQL_USER": mysql.user,
        "MYSQL_PASSWORD": mysql.password,
        "KAFKA_BOOTSTRAP": kafka.bootstrap,
        "KAFKA_USER": kafka.user,
        "KAFKA_PASSWORD": kafka.password,
        "QUEUE_TICKET_KEY": TICKET_KEY,
        "PYTHONPATH": str(Path(__file__).parent.parent),
    }


async def _open_sale(inventory: str) -> str:
    """A sale so large and so wide open that only the claim path limits it."""
    staff = mint_token("svc_bench", ("staff:stock", "flash-sales:operate"), kind="service")
    sale, units, now = "fs_bench", 1_000_000, datetime.now(UTC)
    body = {
        "name": "bench",
        "sku": SKU,
        "quantity": units,
        "unitPrice": {"amount": 999, "currency": "USD"},
        "window": {"start": iso(now - timedelta(seconds=5)), "end": iso(now + timedelta(hours=1))},
        "perCustomerLimit": 1,
        "holdTtlSeconds": 3600,
        "admission": {"maxActive": 1_000_000, "ratePerSecond": 1_000_000, "order": "Fifo", "preQueueSeconds": 0},
        "rehearsal": False,
    }
    steps: list[tuple[str, str, Any]] = [
        ("PUT", f"/api/inventory/{SKU}", {"onHand": units}),
        ("PUT", f"/internal/flash-sales/{sale}", body),
        ("POST", f"/internal/flash-sales/{sale}/state", {"state": "QUEUEING"}),
        ("POST", f"/internal/flash-sales/{sale}/state", {"state": "LIVE"}),
    ]
    async with aiohttp.ClientSession(inventory, headers={"Authorization": f"Bearer {staff}"}) as session:
        for number, (method, path, json) in enumerate(steps):
            headers = {"Idempotency-Key": f"bench:{number}", "X-Fencing-Token": "1"}
            async with session.request(method, path, json=json, headers=headers) as answer:
                if answer.status >= 300:
                    raise RuntimeError(f"{method} {path}: {answer.status} {await answer.text()}")
    return sale


def _write_shoppers(file: Path, sale: str) -> None:
    office, lines = TicketOffice(bytes.fromhex(TICKET_KEY)), []
    arrival = int(datetime.now(UTC).timestamp() * 1e6)
    for number in range(ROUNDS * LINES_A_TURN):
        customer = f"usr_bench{number:07d}"
        ticket = office.issue(Ticket(sale, customer, arrival + number))
        lines.append(f"{mint_token(customer, ttl=3600)} {ticket} {customer}")
    file.write_text("\n".join(lines) + "\n")


async def _turn(url: str, shoppers: Path, first: int) -> Turn:
    script = Path(__file__).with_name("claims.lua")
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--timeout", "20s", "-s", str(script), url, "--"]
    child = await asyncio.create_subprocess_exec(
        *command, str(shoppers), str(first), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output = (await child.communicate())[0].decode()
    result = next((line.split() for line in output.splitlines() if line.startswith("RESULT")), None)
    if result is None or int(result[4]):
        raise RuntimeError(f"{url} failed under load:\n{output}")
    return Turn(rate=int(result[1]) / (int(result[2]) / 1e6), p95=float(result[3]))


async def _quiet(backend: str) -> None:
    """Until the handler has done all that the turn left behind, so that the next side has the machine to itself."""
    before, same = "", 0
    async with aiohttp.ClientSession(backend) as session:
        while same < QUIET_LOOKS:
            async with session.get("/metrics") as answer:
                text = await answer.text()
            done = "".join(line for line in text.splitlines(True) if line.startswith(("http_request", "outbox_sent")))
            before, same = done, same + 1 if done == before else 0
            await asyncio.sleep(0.1)


if __name__ == "__main__":
    for measured_row in asyncio.run(run()):
        print(measured_row)
