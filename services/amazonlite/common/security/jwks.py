"""Public keys of the auth service: kept for 5 minutes, and kept on when auth is away."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from amazonlite.common.core.clock import SystemClock, Ticks
from amazonlite.common.core.errors import Unavailable
from amazonlite.common.observe.logs import get_logger
from amazonlite.common.security.keys import keys_of

log = get_logger(__name__)

FRESH = 300.0  # seconds
MIN_BETWEEN_FETCHES = 10.0
FETCH_SECONDS = 2.0
LARGEST_DOCUMENT = 64 * 1024


class KeysUnavailable(Unavailable):
    """No key was ever fetched; the caller may come back."""

    code = "keys_unavailable"
    title = "Token keys unavailable"


class JwksSource:
    """At most one fetch in 10 s, whatever key ids callers invent; a failed fetch never drops keys that worked."""

    def __init__(self, url: str, *, clock: Ticks | None = None) -> None:
        self._url = url
        self._clock = clock or SystemClock()
        self._keys: dict[str, Ed25519PublicKey] = {}
        self._fetched: float | None = None
        self._tried: float | None = None
        self._fetching: asyncio.Task[None] | None = None

    async def key(self, kid: str) -> Ed25519PublicKey | None:
        known = self._keys.get(kid)
        if known is not None:
            if self._older_than(self._fetched, FRESH) and self._may_fetch():
                self._start_fetch()  # the caller need not wait: the key it asked for is here
            return known
        if self._fetching is not None or self._may_fetch():
            await asyncio.shield(self._start_fetch())
        if not self._keys:
            raise KeysUnavailable("the keys that prove tokens could not be fetched", retry_after=5)
        return self._keys.get(kid)

    async def close(self) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._fetching

    def _older_than(self, moment: float | None, age: float) -> bool:
        return moment is None or self._clock.monotonic() - moment >= age

    def _may_fetch(self) -> bool:
        return self._older_than(self._tried, MIN_BETWEEN_FETCHES)

    def _start_fetch(self) -> asyncio.Task[None]:
        if self._fetching is None:
            self._tried = self._clock.monotonic()
            self._fetching = asyncio.create_task(self._fetch())
            self._fetching.add_done_callback(self._fetch_ended)
        return self._fetching

    def _fetch_ended(self, _task: asyncio.Task[None]) -> None:
        self._fetching = None

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                keys = keys_of(await asyncio.to_thread(_document, self._url))
        except (HTTPException, OSError, TimeoutError, ValueError, KeyError, TypeError) as error:
            log.warning("jwks_fetch_failed", error=type(error).__name__, known_keys=len(self._keys))
            return
        if keys:
            self._keys, self._fetched = keys, self._clock.monotonic()


def published_by(auth_url: str) -> JwksSource:
    """The keys of the auth service at this address."""
    return JwksSource(f"{auth_url.rstrip('/')}/api/auth/.well-known/jwks.json")


def _document(url: str) -> Mapping[str, Any]:
    """What auth publishes. By the standard library in a thread: for one small document in five minutes, services that
    call nobody else would keep a whole client in memory."""
    parts = urlsplit(url)
    connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = connect(parts.netloc, timeout=FETCH_SECONDS)
    try:
        connection.request("GET", parts.path)
        answer = connection.getresponse()
        if answer.status != 200:
            raise HTTPException(f"status {answer.status}")
        document: Mapping[str, Any] = json.loads(answer.read(LARGEST_DOCUMENT))
        return document
    finally:
        connection.close()
