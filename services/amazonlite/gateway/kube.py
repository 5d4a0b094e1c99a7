"""The last known routes stay in force whatever happens to the API server; a change arrives by a list or by a watch.

A list and watch client for one resource in one namespace: the official client would cost 60 MiB of memory.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from amazonlite.common.observe.logs import get_logger

Item = dict[str, Any]
Sleep = Callable[[float], Awaitable[None]]

WATCH_SECONDS = 240  # asked of the server, so that a connection nobody closes is renewed
_BACKOFF = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)

log = get_logger(__name__)


class Gone(Exception):
    """The resource version is too old: list again."""


class ApiAway(Exception):
    """The API server refused, closed or said nothing: try again later, serve what is known."""


class NoRoutesYet(Exception):
    """The API server was not reached since the start."""


class _ListMeta(msgspec.Struct, rename="camel"):
    resource_version: str


class _List(msgspec.Struct):
    items: list[Item]
    metadata: _ListMeta


class KubeApi:
    """Requests to the API server with the pod's own token, read anew each time because the kubelet rotates it."""

    def __init__(self, url: str, *, ca: Path | None = None, token: Path | None = None) -> None:
        self._url, self._ca, self._token = url.rstrip("/"), ca, token
        self._session: aiohttp.ClientSession | None = None

    async def list(self, path: str) -> tuple[list[Item], str]:
        async with self._request("GET", path, timeout=10) as response:
            found = msgspec.json.decode(await response.read(), type=_List)
            return found.items, found.metadata.resource_version

    async def watch(self, path: str, version: str) -> AsyncIterator[tuple[str, Item]]:
        """(ADDED | MODIFIED | DELETED | BOOKMARK, object) until the server ends the watch."""
        query = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        async with self._request("GET", path, timeout=WATCH_SECONDS + 30, params=query) as response:
            async for line in response.content:
                event = msgspec.json.decode(line)
                if event["type"] == "ERROR":
                    raise Gone if event["object"].get("code") == 410 else ApiAway(event["object"].get("message"))
                yield event["type"], event["object"]

    async def patch_status(self, path: str, status: Item) -> None:
        headers = {"Content-Type": "application/merge-patch+json"}
        async with self._request("PATCH", f"{path}/status", timeout=10, json={"status": status}, headers=headers):
            pass

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _request(self, method: str, path: str, *, timeout: float, **options: Any) -> _Checked:
        if self._session is None:
            context = ssl.create_default_context(cafile=self._ca) if self._ca else True
            connector = aiohttp.TCPConnector(ssl=context)
            self._session = aiohttp.ClientSession(connector=connector, read_bufsize=2**20)
        headers = options.pop("headers", {})
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token.read_text().strip()}"
        limits = aiohttp.ClientTimeout(total=timeout, sock_connect=5)
        return _Checked(self._session.request(method, self._url + path, timeout=limits, headers=headers, **options))


class _Checked:
    """A response whose failures are `Gone` or `ApiAway`, and nothing else."""

    def __init__(self, request: Any) -> None:
        self._request = request

    async def __aenter__(self) -> aiohttp.ClientResponse:
        try:
            response: aiohttp.ClientResponse = await self._request.__aenter__()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise ApiAway(str(error) or type(error).__name__) from error
        if response.status < 400:
            return response
        text = (await response.text())[:200]
        await self._request.__aexit__(None, None, None)
        raise Gone if response.status == 410 else ApiAway(f"{response.status} {text}")

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        await self._request.__aexit__(kind, error, trace)
        if isinstance(error, aiohttp.ClientError | OSError | TimeoutError | ValueError | msgspec.MsgspecError):
            raise ApiAway(str(error) or type(error).__name__) from error


class Watcher:
    """Tells `on_change` all objects, by name, after the list and after every event."""

    def __init__(
        self,
        api: KubeApi,
        path: str,
        on_change: Callable[[dict[str, Item]], None],
        *,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._api, self._path, self._on_change, self._sleep = api, path, on_change, sleep
        self._items: dict[str, Item] = {}
        self._version = ""
        self._failures = 0
        self.listed = asyncio.Event()

    async def run(self) -> None:
        while True:
            try:
                await self._step()
            except Gone:
                self._version = ""
                await self._pause("the resource version is gone")
            except ApiAway as error:
                await self._pause(str(error))

    async def ready(self) -> None:
        if not self.listed.is_set():
            raise NoRoutesYet

    async def _pause(self, reason: str) -> None:
        seconds = _BACKOFF[min(self._failures, len(_BACKOFF) - 1)] * random.uniform(0.5, 1.0)
        self._failures += 1
        log.warning("kube_watch_interrupted", reason=reason, routes=len(self._items), retry_in=round(seconds, 1))
        await self._sleep(seconds)

    async def _step(self) -> None:
        """One list, or one watch to its end; the version carries over, so a broken watch misses nothing."""
        if not self._version:
            items, version = await self._api.list(self._path)
            self._items = {item["metadata"]["name"]: item for item in items}
            self._on_change(self._items)
            self._version = version
            self.listed.set()
            return
        before = self._version
        async for kind, item in self._api.watch(self._path, before):
            self._failures = 0
            self._apply(kind, item)
        if self._version == before:
            raise ApiAway("the watch ended without a word")

    def _apply(self, kind: str, item: Item) -> None:
        meta = item["metadata"]
        if kind == "DELETED":
            self._items.pop(meta["name"], None)
        elif kind in {"ADDED", "MODIFIED"}:
            self._items[meta["name"]] = item
        self._version = meta["resourceVersion"]
        if kind != "BOOKMARK":
            self._on_change(self._items)
