"""The shop's REST API as a shopper's client sees it: one call, its answer, and what may be tried again."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

TRANSIENT_STATUSES = frozenset({0, 429, 500, 502, 503, 504})
TRANSIENT_CODES = frozenset({"request_in_flight", "order_not_ready"})
LONGEST_PAUSE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer. ``status`` 0 means that no answer came (refused, reset, timed out)."""

    status: int
    body: Mapping[str, Any]
    seconds: float
    retry_after: float = 0.0

    @property
    def code(self) -> str:
        """The stable problem code, empty for a success."""
        return str(self.body.get("code", ""))

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def transient(self) -> bool:
        """Whether the same call may succeed later; only then is trying again honest."""
        return self.status in TRANSIENT_STATUSES or self.code in TRANSIENT_CODES


@dataclass(frozen=True, slots=True)
class Sent:
    """One attempt of a call as it leaves the client; ``key`` is its Idempotency-Key, "" without one."""

    label: str
    path: str
    token: str
    key: str


Observer = Callable[[Sent], Callable[[Answer], None]]


def nobody(_sent: Sent) -> Callable[[Answer], None]:
    """Observes nothing."""
    return lambda _answer: None


@dataclass(slots=True)
class ShopApi:
    """Calls the shop through the gateway at ``base_url``; ``timings`` keeps (label, seconds, status) of each call.

    ``observe`` is told of each attempt before it is sent; what it returns is told the answer.
    """

    session: aiohttp.ClientSession
    base_url: str
    timings: list[tuple[str, float, int]] = field(default_factory=list)
    observe: Observer = nobody

    async def call(
        self,
        method: str,
        path: str,
        *,
        label: str,
        token: str = "",
        headers: Mapping[str, str] | None = None,
        json: object = None,
    ) -> Answer:
        """One attempt; never raises for a network failure, which comes back as status 0."""
        sent = {"X-API-Version": "1", **(headers or {})}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        answered = self.observe(Sent(label, path, token, sent.get("Idempotency-Key", "")))
        started = time.perf_counter()
        answer = await self._attempt(method, path, sent, json, started)
        answered(answer)
        self.timings.append((label, answer.seconds, answer.status))
        return answer

    async def _attempt(self, method: str, path: str, headers: dict[str, str], json: object, started: float) -> Answer:
        try:
            async with self.session.request(method, self.base_url + path, headers=headers, json=json) as response:
                body = await response.json(content_type=None)
                pause = float(response.headers.get("Retry-After", 0) or 0)
                return Answer(
                    response.status, body if isinstance(body, dict) else {}, time.perf_counter() - started, pause
                )
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return Answer(0, {}, time.perf_counter() - started)

    async def persist(self, method: str, path: str, *, label: str, deadline: float, **call: Any) -> Answer:
        """Repeats a call while its answer is transient, with jittered pauses, until ``deadline`` (monotonic seconds).

        Safe because every write of a shopper carries an Idempotency-Key or is idempotent by itself.
        """
        pause = 0.05
        while True:
            answer = await self.call(method, path, label=label, **call)
            if not answer.transient or time.monotonic() >= deadline:
                return answer
            await asyncio.sleep(max(min(answer.retry_after, LONGEST_PAUSE_SECONDS), pause) * random.uniform(0.5, 1.5))
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
