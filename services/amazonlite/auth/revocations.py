"""Revoked sessions in Redis, `revoked:<session id>`, where the gateway looks at every request."""

from __future__ import annotations

from datetime import timedelta

from redis.asyncio import Redis
from redis.exceptions import RedisError

from amazonlite.auth.domain import RevocationUnavailable


class RedisRevocations:
    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(url, socket_timeout=1.0, socket_connect_timeout=1.0)

    async def publish(self, session_id: str, ttl: timedelta) -> None:
        try:
            await self._redis.set(f"revoked:{session_id}", b"1", px=ttl)
        except (RedisError, OSError, TimeoutError) as error:
            raise RevocationUnavailable("the session's access tokens could not be called back yet") from error

    async def ping(self) -> None:
        await self._redis.ping()

    async def close(self) -> None:
        await self._redis.aclose()
