"""The whole service as its pods run it, in processes of their own: two serve, one is killed, the other goes on."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from amazonlite.common.core.clock import iso
from amazonlite.common.core.settings import MysqlSettings
from amazonlite.common.testing.builders import bearer
from amazonlite.common.testing.eventually import eventually
from amazonlite.common.testing.fakes import mint_token
from support.auth_stub import auth_stub
from support.own_redis import OwnRedis
from support.ports import free_port
from support.shipped import optimization

OPERATOR = bearer(mint_token("svc_operator", ["flash-sales:operate", "staff:stock"], kind="service"))
STEP = {**OPERATOR, "Idempotency-Key": "uid:step", "X-Fencing-Token": "1"}
SALE = "fs_process"
SALE_URL = f"/api/flash-sales/{SALE}"
UNITS, HOLD_SECONDS = 60, 3


@pytest.fixture
async def auth_url() -> AsyncIterator[str]:
    """Stands in for auth (keys, service tokens) and for payment, by whose word no order is paid."""

    async def token(_: web.Request) -> web.Response:
        return web.json_response(
            {"accessToken": mint_token("svc_inventory", ["payments:seal"], kind="service"), "expiresIn": 600}
        )

    async def seal(request: web.Request) -> web.Response:
        return web.json_response({"closed": (await request.json())["orderIds"], "authorized": []})

    routes = web.post("/api/auth/service-tokens", token), web.post("/internal/payments/seal", seal)
    async with auth_stub(*routes) as url:
        yield url


@contextmanager
def process(environment: Mapping[str, str], log: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    port = free_port()
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "amazonlite.inventory"],
            env={**os.environ, **optimization(), **environment, "PORT": str(port)},
            stdout=output,
            stderr=output,
        )
        try:
            yield f"http://127.0.0.1:{port}", server
        finally:
            server.kill()
            server.wait(10)


@pytest.fixture
def environment(mysql_for: Callable[[str], MysqlSettings], redis_server: OwnRedis, auth_url: str) -> dict[str, str]:
    mysql = mysql_for("inventory")
    return {
        "MYSQL_HOST": mysql.host,
        "MYSQL_PORT": str(mysql.port),
        "MYSQL_DATABASE": mysql.database,
        "MYSQL_USER": mysql.user,
        "MYSQL_PASSWORD": mysql.password,
        "REDIS_URL": redis_server.url,
        "AUTH_URL": auth_url,
        "AUTH_CLIENT_ID": "inventory",
        "AUTH_CLIENT_SECRET": "secret",
        "PAYMENT_URL": auth_url,
        "QUEUE_TICKET_KEY": "5a" * 32,
        # Nobody listens there: events wait in the outbox, and everything else goes on.
        "KAFKA_BOOTSTRAP": "127.0.0.1:1",
    }


class Shop:
    def __init__(self, session: aiohttp.ClientSession, bases: list[str]) -> None:
        self.session = session
        self.bases = bases

    async def call(self, method: str, path: str, *, of: int = 0, body: Any = None, headers: Any = None) -> Any:
        """The body of an answer; {} where no pod answers."""
        try:
            url = self.bases[of % len(self.bases)] + path
            async with self.session.request(method, url, json=body, headers=headers) as answer:
                return await answer.json(content_type=None)
        except aiohttp.ClientError:
            return {}

    async def ready(self, of: int) -> bool:
        try:
            async with self.session.get(f"{self.bases[of]}/readyz") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def open_sale(self) -> None:
        now = datetime.now(UTC)
        sale = {
            "name": "process",
            "sku": "B01",
            "quantity": UNITS,
            "unitPrice": {"amount": 999, "currency": "USD"},
            "window": {"start": iso(now), "end": iso(now + timedelta(hours=1))},
            "perCustomerLimit": 1,
            "holdTtlSeconds": HOLD_SECONDS,
            "admission": {"maxActive": 100, "ratePerSecond": 1000, "order": "Fifo", "preQueueSeconds": 0},
            "rehearsal": False,
        }
        await self.call("PUT", "/api/inventory/B01", body={"onHand": UNITS}, headers=OPERATOR)
        await self.call("PUT", f"/internal/flash-sales/{SALE}", body=sale, headers=STEP)
        live = await self.call("POST", f"/internal/flash-sales/{SALE}/state", body={"state": "LIVE"}, headers=STEP)
        assert live["state"] == "LIVE"

    async def view(self, of: int = 0) -> Any:
        return await self.call("GET", f"/internal/flash-sales/{SALE}", of=of, headers=OPERATOR)

    async def buy(self, number: int) -> str:
        """Queues and claims with one key until there is a hold, on whatever pod answers."""
        me = bearer(mint_token(f"usr_{number}"))
        ticket = ""
        for attempt in range(100):
            pod = number + attempt // 2
            if not ticket:
                joined = await self.call("POST", f"{SALE_URL}/queue", of=pod, headers=me)
                ticket = joined.get("ticket", "")
            headers = {**me, "X-Queue-Ticket": ticket, "Idempotency-Key": "key"}
            claim = await self.call("POST", f"{SALE_URL}/claims", of=pod, body={"quantity": 1}, headers=headers)
            if "holdId" in claim:
                return str(claim["holdId"])
            await asyncio.sleep(0.1)
        raise AssertionError(f"usr_{number} got no hold: {claim}")


async def test_a_pod_is_killed_in_the_rush(environment: dict[str, str], tmp_path: Path) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        with (
            process(environment, tmp_path / "one.log") as (one, victim),
            process(environment, tmp_path / "two.log") as (two, survivor),
        ):
            shop = Shop(session, [one, two])
            await eventually(lambda: shop.ready(0), within=20)
            await eventually(lambda: shop.ready(1), within=20)
            await shop.open_sale()
            buyers = [asyncio.create_task(shop.buy(number)) for number in range(UNITS)]
            await eventually(lambda: any(buyer.done() for buyer in buyers), within=20)
            victim.send_signal(signal.SIGKILL)
            holds = await asyncio.gather(*buyers)
            view = await shop.view(1)
            assert len(set(holds)) == UNITS
            assert (view["oversold"], view["conserved"]) == (0, True)
            assert view["stock"]["free"] + view["stock"]["held"] == UNITS

            async def all_back() -> bool:
                stock = (await shop.view(1))["stock"]
                return bool(stock["free"] == UNITS and stock["held"] == 0)

            await eventually(all_back, within=HOLD_SECONDS + 5)
            assert (await shop.view(1))["conserved"]
            async with session.get(f"{two}/metrics") as metrics:
                text = await metrics.text()
            assert f'flash_sale_claims_total{{outcome="held",sale="{SALE}"}}' in text
            assert "flash_sale_claim_seconds_bucket" in text
            survivor.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(survivor.wait, 12) == 0
