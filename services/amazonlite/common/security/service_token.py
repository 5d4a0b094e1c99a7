"""A service proves itself to others with a token from client credentials, renewed a minute before it runs out."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

import aiohttp

from amazonlite.common.core.clock import SystemClock, Ticks
from amazonlite.common.core.context import correlation_id, traceparent
from amazonlite.common.core.errors import Unavailable

RENEW_BEFORE_END = 60.0  # seconds


class ServiceTokenUnavailable(Unavailable):
    """The auth service is away or refuses this service's credentials; its log says which."""

    code = "service_token_unavailable"
    title = "Service token unavailable"


class TokenSource(Protocol):
    async def token(self) -> str:
        """A bearer token that is good now."""

    def forget(self) -> None:
        """The last one was refused: get another next time."""


class ServiceTokenSource:
    """One request to auth at a time, however many callers wait for the token."""

    def __init__(
        self,
        auth_url: str,
        client_id: str,
        client_secret: str,
        *,
        clock: Ticks | None = None,
        session: aiohttp.ClientSession | None = None,
    ) -> None:
        self._url = f"{auth_url.rstrip('/')}/api/auth/service-tokens"
        self._credentials = {"clientId": client_id, "clientSecret": client_secret}
        self._clock = clock or SystemClock()
        self._session = session
        self._token = ""
        self._renew_at: float | None = None
        self._one = asyncio.Lock()

    async def token(self) -> str:
        if self._is_good():
            return self._token
        async with self._one:
            if not self._is_good():
                await self._renew()
        return self._token

    def forget(self) -> None:
        self._renew_at = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _is_good(self) -> bool:
        return self._renew_at is not None and self._clock.monotonic() < self._renew_at

    async def _renew(self) -> None:
        asked = self._clock.monotonic()
        try:
            answer = await self._ask()
            token, lifetime = str(answer["accessToken"]), float(answer["expiresIn"])
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError) as error:
            raise ServiceTokenUnavailable(
                "no token for calls between services", service="auth", reason=type(error).__name__
            ) from error
        self._token, self._renew_at = token, asked + max(lifetime - RENEW_BEFORE_END, lifetime / 2)

    async def _ask(self) -> Any:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2))
        headers = {"X-API-Version": "1", "X-Correlation-Id": correlation_id.get(), "traceparent": traceparent.get()}
        async with self._session.post(self._url, json=self._credentials, headers=headers) as response:
            response.raise_for_status()
            return await response.json()
