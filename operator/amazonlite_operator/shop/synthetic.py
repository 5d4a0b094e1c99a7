"""Synthetic customers go through a flash sale as shoppers do, by the gateway.

Each gets a token, waits in line, claims one unit; nothing is paid, so every hold goes back.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from amazonlite.common.core.tasks import stop
from amazonlite_operator.shop.client import Refusal, ServiceTokenSource, Unreachable, request

BATCH = 1000
POLL_SECONDS = 0.5
# Refusals that are correct answers: the sale is smaller than the crowd, or over.
CORRECT = frozenset({"sold_out", "customer_limit_reached", "sale_not_open", "not_admitted"})


@dataclass(slots=True)
class Tally:
    customers: int
    admitted: int = 0
    claimed: int = 0
    refused: int = 0
    errors: int = 0
    claim_seconds: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        answered = self.claimed + self.refused
        tried = answered + self.errors
        times = sorted(self.claim_seconds)
        p95 = {"p95Ms": round(times[max(0, -(-95 * len(times) // 100) - 1)] * 1000)} if times else {}
        return {
            "customers": self.customers,
            "admitted": self.admitted,
            "claimed": self.claimed,
            "errors": self.errors,
            "successRate": round(answered / tried, 5) if tried else 0.0,
            **p95,
        }


@dataclass(frozen=True, slots=True)
class Crowd:
    sale_id: str
    customers: int
    rate_per_second: float
    seconds: float
    gateway_url: str
    auth_url: str


async def send_customers(crowd: Crowd, client_id: str, client_secret: str) -> Tally:
    tally = Tally(crowd.customers)
    deadline = time.monotonic() + crowd.seconds
    connector = aiohttp.TCPConnector(limit=512)
    async with aiohttp.ClientSession(connector=connector) as session:
        staff = ServiceTokenSource(session, crowd.auth_url, client_id, client_secret)
        tokens = await customer_tokens(session, crowd, await staff.token())
        shopping = []
        for token in tokens:
            shopping.append(asyncio.create_task(_shop(session, crowd, token, tally)))
            await asyncio.sleep(1 / crowd.rate_per_second)
        _, late = await asyncio.wait(shopping, timeout=max(0.1, deadline - time.monotonic()))
        await stop(late)
    return tally


async def customer_tokens(session: aiohttp.ClientSession, crowd: Crowd, staff_token: str) -> list[str]:
    tokens: list[str] = []
    while len(tokens) < crowd.customers:
        names = [f"syn_{crowd.sale_id}{n:05d}" for n in range(len(tokens), min(crowd.customers, len(tokens) + BATCH))]
        body = {"subjects": names, "ttlSeconds": 3600, "reason": f"rehearsal of {crowd.sale_id}"}
        answer = await request(
            session,
            "POST",
            f"{crowd.auth_url}/internal/auth/tokens:bulk",
            json=body,
            headers={"Authorization": f"Bearer {staff_token}"},
        )
        tokens += [token["accessToken"] for token in answer["tokens"]]
    return tokens


async def _shop(session: aiohttp.ClientSession, crowd: Crowd, token: str, tally: Tally) -> None:
    url = f"{crowd.gateway_url}/api/flash-sales/{crowd.sale_id}"
    headers = {"Authorization": f"Bearer {token}", "X-API-Version": "1"}
    try:
        if (ticket := await _admission(session, url, headers)) is None:
            return
        tally.admitted += 1
        headers |= {"X-Queue-Ticket": ticket, "Idempotency-Key": f"rehearsal-{ticket[-32:]}"}
        begun = time.perf_counter()
        await request(session, "POST", f"{url}/claims", json={"quantity": 1}, headers=headers)
        tally.claim_seconds.append(time.perf_counter() - begun)
        tally.claimed += 1
    except Refusal as refusal:
        if refusal.code in CORRECT:
            tally.refused += 1
        else:
            tally.errors += 1
    except Unreachable:
        tally.errors += 1


async def _admission(session: aiohttp.ClientSession, url: str, headers: dict[str, str]) -> str | None:
    """The ticket once admitted; None when the line is closed."""
    place = await request(session, "POST", f"{url}/queue", headers=headers)
    ticket: str = place["ticket"]
    while place["state"] == "WAITING":
        await asyncio.sleep(POLL_SECONDS)
        place = await request(session, "GET", f"{url}/queue", headers={**headers, "X-Queue-Ticket": ticket})
    return ticket if place["state"] == "ADMITTED" else None
