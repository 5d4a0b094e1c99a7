"""Each admitted request is counted once: in Redis, or, while Redis is away, in this process.

Without Redis the limit is kept locally (exact for one gateway, times the replicas for more) and revocation is answered
from what this process has seen revoked: a token revoked meanwhile lives at most until it expires
(docs/decisions/0006-gateway.md).
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from prometheus_client import Counter
from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

from amazonlite.common.core.batcher import Batcher
from amazonlite.common.http.breaker import Breaker
from amazonlite.common.observe.logs import get_logger
from amazonlite.gateway.domain import RateLimit

BATCH = 64
REMEMBERED = 10_000

SCRIPT = (files("amazonlite.gateway") / "admission.lua").read_text()
_DIGEST = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()

WITHOUT_REDIS = Counter("gateway_admitted_without_redis_total", "Requests whose limit was kept in this process")
UNCHECKED = Counter(
    "gateway_revocation_unchecked_total", "Tokens accepted although Redis could not say whether they are revoked"
)
log = get_logger(__name__)


def connect(url: str) -> Redis:
    redis: Redis = Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1, max_connections=32)
    return redis


@dataclass(frozen=True, slots=True)
class Ask:
    """`limit` None means no limit, an empty `session` nothing to be revoked."""

    route: str
    client: str
    limit: RateLimit | None
    session: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Seconds are whole, rounded up; without a limit only `revoked` means something."""

    revoked: bool = False
    allowed: bool = True
    remaining: int = 0
    reset: int = 0
    wait: int = 0


class LocalLimiter:
    """The script's GCRA over a bounded map; the least recently seen client is forgotten first."""

    def __init__(self, now: Callable[[], float], *, clients: int = REMEMBERED) -> None:
        self._now, self._clients = now, clients
        self._full_at: OrderedDict[tuple[str, str], float] = OrderedDict()

    def take(self, ask: Ask) -> Decision:
        if ask.limit is None:
            return Decision()
        now, window, key = self._now(), float(ask.limit.window), (ask.route, ask.client)
        step = window / ask.limit.quota
        full_at = max(self._full_at.pop(key, 0.0), now)
        wait = full_at + step - window - now
        allowed = wait <= 1e-6
        full_at += step if allowed else 0.0
        self._full_at[key] = full_at
        if len(self._full_at) > self._clients:
            self._full_at.popitem(last=False)
        remaining = math.floor((window - (full_at - now)) / step + 0.001)
        return Decision(False, allowed, remaining, math.ceil(full_at - now), 0 if allowed else math.ceil(wait))


class Limits:
    """Asks that come while others are under way travel to Redis together."""

    def __init__(self, redis: Redis, local: LocalLimiter, breaker: Breaker, *, timeout: float = 0.25):
        self._redis, self._local, self._breaker = redis, local, breaker
        self._timeout = timeout
        self._asks: Batcher[Ask, Decision] = Batcher(self._ask_redis, at_most=BATCH)
        self._revoked: OrderedDict[str, None] = OrderedDict()

    async def decide(self, ask: Ask) -> Decision:
        if ask.limit is None and not ask.session:
            return Decision()
        if ask.session in self._revoked:
            return Decision(revoked=True)
        decision = await self._asks.ask(ask)
        if decision.revoked:
            self._remember(ask.session)
        return decision

    async def _ask_redis(self, asks: Sequence[Ask]) -> list[Decision]:
        if not self._breaker.allows():
            return [self._alone(ask) for ask in asks]
        keys, arguments = self._encode(asks)
        try:
            async with asyncio.timeout(self._timeout):
                numbers = await self._evaluate(keys, arguments)
        except (RedisError, OSError, TimeoutError) as error:
            self._breaker.failed()
            log.warning("redis_away", reason=type(error).__name__, requests=len(asks))
            return [self._alone(ask) for ask in asks]
        self._breaker.succeeded()
        return [_decision(numbers[i : i + 5]) for i in range(0, len(numbers), 5)]

    async def _evaluate(self, keys: list[str], arguments: list[str]) -> list[int]:
        call: Any = self._redis.execute_command
        try:
            numbers = await call("EVALSHA", _DIGEST, len(keys), *keys, *arguments)
        except NoScriptError:
            numbers = await call("EVAL", SCRIPT, len(keys), *keys, *arguments)
        return list(numbers)

    def _encode(self, asks: Sequence[Ask]) -> tuple[list[str], list[str]]:
        keys: list[str] = []
        arguments: list[str] = []
        for ask in asks:
            limit = ask.limit
            if limit is None:
                arguments += ("0", "0")
            else:
                keys.append(f"rl:{ask.route}:{ask.client}")
                arguments += (repr(limit.window * 1e6 / limit.quota), str(limit.window * 1_000_000))
            if ask.session:
                keys.append(f"revoked:{ask.session}")
            arguments.append("1" if ask.session else "0")
        return keys, arguments

    def _alone(self, ask: Ask) -> Decision:
        """Without Redis: the local limit, and only the revocations this process knows of."""
        WITHOUT_REDIS.inc()
        if ask.session:
            UNCHECKED.inc()
        return self._local.take(ask)

    def _remember(self, session: str) -> None:
        self._revoked[session] = None
        if len(self._revoked) > REMEMBERED:
            self._revoked.popitem(last=False)


def _decision(numbers: Sequence[int]) -> Decision:
    revoked, allowed, remaining, reset, wait = numbers
    return Decision(revoked == 1, allowed == 1, remaining, math.ceil(reset / 1e6), math.ceil(wait / 1e6))
