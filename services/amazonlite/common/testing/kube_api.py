"""An API server for one kind of object on loopback: list, watch, status patch, and the faults that tests want."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

Item = dict[str, Any]
_CREATED = "2030-01-01T00:00:00Z"


class FakeKubeApi:
    """`async with FakeKubeApi() as api:`; objects go in with `put`, watchers see every change since their version.

    `documents` are further JSON answers by path, such as a JWKS.
    """

    def __init__(self, documents: Mapping[str, Any] | None = None) -> None:
        self.items: dict[str, Item] = {}
        self.requests: list[str] = []
        self.patches: list[tuple[str, Item]] = []
        self.compacted = 0  # watches from before this version are answered 410
        self._version = 0
        self._log: list[tuple[int, str, Item]] = []
        self._changed = asyncio.Condition()
        self._epoch = 0
        self._stopped = False
        self.url = ""
        app = web.Application()
        for path, document in (documents or {}).items():
            app.router.add_get(path, _answering(document))
        app.router.add_get("/apis/{group}/{v}/namespaces/{namespace}/{kind}", self._get)
        app.router.add_patch("/apis/{group}/{v}/namespaces/{namespace}/{kind}/{name}/status", self._patch)
        self._server = TestServer(app)

    async def __aenter__(self) -> FakeKubeApi:
        await self._server.start_server()
        self.url = str(self._server.make_url("")).rstrip("/")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Answer nothing any more."""
        self._stopped = True
        await self.break_watches()
        await self._server.close()

    async def put(self, item: Item) -> None:
        name = item["metadata"]["name"]
        before = self.items.get(name)
        meta = {"namespace": "amazonlite", "creationTimestamp": _CREATED, "generation": 1, **item["metadata"]}
        await self._write("MODIFIED" if before else "ADDED", {**item, "metadata": meta})

    async def remove(self, name: str) -> None:
        await self._write("DELETED", self.items[name])

    async def break_watches(self) -> None:
        """End every open watch, as a restarted API server does."""
        async with self._changed:
            self._epoch += 1
            self._changed.notify_all()

    async def compact(self) -> None:
        """Forget history: watches end, and resuming from an older version is answered 410."""
        self._version += 1
        self.compacted = self._version
        await self.break_watches()

    async def bookmark(self) -> int:
        """Tell watchers the version that nothing but time has reached."""
        self._version += 1
        await self._append("BOOKMARK", {"metadata": {"resourceVersion": str(self._version)}})
        return self._version

    async def _write(self, kind: str, item: Item) -> None:
        self._version += 1
        item = {**item, "metadata": {**item["metadata"], "resourceVersion": str(self._version)}}
        if kind == "DELETED":
            del self.items[item["metadata"]["name"]]
        else:
            self.items[item["metadata"]["name"]] = item
        await self._append(kind, item)

    async def _append(self, kind: str, item: Item) -> None:
        async with self._changed:
            self._log.append((self._version, kind, item))
            self._changed.notify_all()

    async def _get(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request.path_qs)
        if "watch" not in request.query:
            meta = {"resourceVersion": str(self._version)}
            return web.json_response({"items": list(self.items.values()), "metadata": meta})
        response = web.StreamResponse()
        await response.prepare(request)
        since = int(request.query["resourceVersion"])
        if since < self.compacted:
            await _line(response, "ERROR", {"kind": "Status", "code": 410, "message": "too old resource version"})
        else:
            await self._stream(response, since)
        return response

    async def _stream(self, response: web.StreamResponse, since: int) -> None:
        epoch = self._epoch
        while epoch == self._epoch and not self._stopped:
            for version, kind, item in [entry for entry in self._log if entry[0] > since]:
                await _line(response, kind, item)
                since = version
            async with self._changed:
                if epoch == self._epoch and not any(version > since for version, _, _ in self._log):
                    await self._changed.wait()

    async def _patch(self, request: web.Request) -> web.Response:
        self.requests.append(f"PATCH {request.path}")
        name, patch = request.match_info["name"], await request.json()
        self.patches.append((name, patch))
        await self._write("MODIFIED", {**self.items[name], "status": patch["status"]})
        return web.json_response(self.items[name])


def _answering(document: Any) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response(document)

    return answer


async def _line(response: web.StreamResponse, kind: str, item: Item) -> None:
    await response.write(json.dumps({"type": kind, "object": item}).encode() + b"\n")


def http_route(name: str, *rules: Item, gateway: str = "amazonlite", **annotations: str) -> Item:
    """An HTTPRoute attached to the gateway; annotations as `rate_limit="5/1s"`, `auth="required"`."""
    marks = {f"amazonlite.dev/{key.replace('_', '-')}": value for key, value in annotations.items()}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": name, "annotations": marks},
        "spec": {"parentRefs": [{"name": gateway}], "rules": list(rules)},
    }


def rule(path: str, *backends: tuple[str, int, int], kind: str = "PathPrefix", **more: Any) -> Item:
    """A rule for one path; backends are (service, port, weight)."""
    refs = [{"name": host, "port": port, "weight": weight} for host, port, weight in backends]
    return {"matches": [{"path": {"type": kind, "value": path}}], "backendRefs": refs, **more}
