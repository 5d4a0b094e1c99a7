"""Batches of products, then of their stock, sent through the gateway; every request may be repeated without harm."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec

from amazonlite.common.core.errors import DomainError
from amazonlite.common.security.service_token import TokenSource
from amazonlite_cli.catalogue.source import Entry
from amazonlite_cli.errors import CommandError

MOST_PRODUCTS = 500
MOST_BYTES = 900_000  # the services take a MiB
AT_ONCE = 3
ATTEMPTS = 6
LONGEST_PAUSE = 10.0
_PASSING = frozenset({401, 408, 429, 502, 503, 504})

Progress = Callable[[int, int], None]
Sleep = Callable[[float], Awaitable[None]]


class LoadRefused(CommandError):
    """The shop refused a batch or stayed away; what was loaded stays, and running again completes it."""

    def __init__(self, what: str) -> None:
        super().__init__("load_refused", what, "what was loaded before", "`amazonlite seed` again completes it")


@dataclass(slots=True)
class Loaded:
    """How many products the catalogue service created, changed and found as they should be."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0

    @property
    def total(self) -> int:
        return self.created + self.updated + self.unchanged


@dataclass(frozen=True, slots=True)
class Batch:
    products: bytes
    stock: bytes
    size: int


def batches(entries: Sequence[Entry]) -> Iterator[Batch]:
    """As many products a request as the services take, by number and by bytes."""
    part: list[tuple[bytes, Entry]] = []
    size = 0
    for entry in entries:
        encoded = msgspec.json.encode(entry.product)
        if part and (len(part) == MOST_PRODUCTS or size + len(encoded) + 2 > MOST_BYTES):
            yield _batch(part)
            part, size = [], 0
        part.append((encoded, entry))
        size += len(encoded) + 1
    if part:
        yield _batch(part)


def _batch(part: list[tuple[bytes, Entry]]) -> Batch:
    stock = [{"sku": entry.product["sku"], "onHand": entry.on_hand} for _, entry in part]
    products = b"[" + b",".join(encoded for encoded, _ in part) + b"]"
    return Batch(products, msgspec.json.encode(stock), len(part))


class Loader:
    """Sends with a token that it renews; a passing refusal is waited out, a lasting one is LoadRefused."""

    def __init__(
        self, session: aiohttp.ClientSession, base_url: str, tokens: TokenSource, *, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._session, self._base, self._tokens, self._sleep = session, base_url.rstrip("/"), tokens, sleep
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def load(self, entries: Sequence[Entry], progress: Progress) -> Loaded:
        loaded = Loaded()

        async def one(batch: Batch) -> None:
            async with self._turn:
                answer = await self._post("/api/products:bulk", batch.products)
                await self._post("/api/inventory:bulk", batch.stock)
            loaded.created += answer["created"]
            loaded.updated += answer["updated"]
            loaded.unchanged += answer["unchanged"]
            progress(loaded.total, len(entries))

        try:
            async with asyncio.TaskGroup() as group:
                for batch in batches(entries):
                    group.create_task(one(batch))
        except ExceptionGroup as failures:
            raise _first(failures) from failures
        return loaded

    async def _post(self, path: str, body: bytes) -> Any:
        reason = ""
        for attempt in range(ATTEMPTS):
            status, text, wait = await self._attempt(path, body)
            if 200 <= status < 300:
                return msgspec.json.decode(text) if text else None
            reason = f"{path} answered {status or 'nothing'}: {text[:300].decode(errors='replace')}"
            if status and status not in _PASSING:
                break
            if status == 401:
                self._tokens.forget()
            await self._sleep(min(max(wait, 0.5 * 2**attempt), LONGEST_PAUSE))
        raise LoadRefused(reason)

    async def _attempt(self, path: str, body: bytes) -> tuple[int, bytes, float]:
        """(status, body, seconds to wait); status 0 when no answer came."""
        headers = {
            "Authorization": f"Bearer {await self._tokens.token()}",
            "Content-Type": "application/json",
            "X-API-Version": "1",
        }
        try:
            async with self._session.post(self._base + path, data=body, headers=headers) as response:
                wait = response.headers.get("Retry-After", "0")
                return response.status, await response.read(), float(wait) if wait.isdigit() else 0.0
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return 0, repr(error).encode(), 0.0


def _first(failures: ExceptionGroup[Exception]) -> Exception:
    """What failed first; what the shop said of it is a refusal."""
    error = failures.exceptions[0]
    return LoadRefused(str(error)) if isinstance(error, DomainError) else error
