"""Calls to the shop's internal APIs with the operator's own service token. No retries here: the work queue has them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

# Shorter than the time between a leader's last renewal deadline and the end of its lease: see kube/lease.py.
TIMEOUT = aiohttp.ClientTimeout(total=4.0, connect=2.0)
_EARLY = 60.0


class Unreachable(Exception):
    """The service did not answer, or answered 5xx: the outcome is unknown, so the same step is tried again.

    `service` names the one behind it that it could not reach, if it says so.
    """

    def __init__(self, message: str, service: str = "") -> None:
        super().__init__(message)
        self.service = service


class Refusal(Exception):
    """`service` said no; `code` is the problem's stable code, `members` all that the problem says."""

    def __init__(
        self, status: int, code: str, detail: str, members: Mapping[str, Any] | None = None, service: str = ""
    ) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.service = service
        self.members: Mapping[str, Any] = members or {}


@dataclass(frozen=True, slots=True)
class Step:
    """What goes with a write: repeating `key` repeats nothing, and a lower `fence` than seen before is refused."""

    key: str
    fence: int

    def headers(self) -> dict[str, str]:
        return {"Idempotency-Key": self.key, "X-Fencing-Token": str(self.fence)}


class ServiceTokenSource:
    """A service token from client credentials, renewed a minute before its end; one request at a time."""

    def __init__(self, session: aiohttp.ClientSession, auth_url: str, client_id: str, client_secret: str) -> None:
        self._session = session
        self._url = f"{auth_url}/api/auth/service-tokens"
        self._credentials = {"clientId": client_id, "clientSecret": client_secret}
        self._token, self._until = "", 0.0
        self._lock = asyncio.Lock()

    async def token(self) -> str:
        async with self._lock:
            if time.monotonic() >= self._until:
                body = await request(self._session, "POST", self._url, json=self._credentials)
                self._token, self._until = body["accessToken"], time.monotonic() + body["expiresIn"] - _EARLY
            return self._token

    def drop(self) -> None:
        """The token was refused."""
        self._until = 0.0


class ShopClient:
    """One service's API."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, tokens: ServiceTokenSource) -> None:
        self._session = session
        self._base = base_url.rstrip("/")
        self._tokens = tokens

    async def call(
        self, method: str, path: str, *, json: Any = None, headers: Mapping[str, str] | None = None, **query: str
    ) -> Any:
        try:
            return await self._attempt(method, path, json, headers or {}, query)
        except Refusal as refusal:
            if refusal.status != 401 and refusal.code != "insufficient_scope":
                raise
            self._tokens.drop()  # keys may have been rotated, or rights granted since: once more with a fresh one
            return await self._attempt(method, path, json, headers or {}, query)

    async def _attempt(
        self, method: str, path: str, json: Any, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> Any:
        bearer = {"Authorization": f"Bearer {await self._tokens.token()}", "X-API-Version": "1"}
        return await request(
            self._session, method, f"{self._base}{path}", json=json, headers={**bearer, **headers}, params=query
        )


async def request(session: aiohttp.ClientSession, method: str, url: str, **options: Any) -> Any:
    try:
        async with session.request(method, url, timeout=TIMEOUT, **options) as response:
            if response.status >= 500 or response.status == 429:
                raise Unreachable(f"{method} {url}: {response.status}", await _unreached(response))
            body = await response.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise Unreachable(f"{method} {url}: {error!r}") from error
    if response.status >= 400:
        problem = body if isinstance(body, dict) else {}
        code, detail = str(problem.get("code", "")), str(problem.get("detail", response.reason))
        raise Refusal(response.status, code, detail, problem, response.url.host or "")
    return body


async def _unreached(response: aiohttp.ClientResponse) -> str:
    """The problem's member `service`."""
    try:
        problem = await response.json(content_type=None)
    except ValueError:
        return ""
    return str(problem.get("service", "")) if isinstance(problem, dict) else ""
