"""Calls an app in the same process and loop: no sockets, no threads, and its lifespan entered and left."""

from __future__ import annotations

import asyncio
import json as jsonlib
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from starlette.types import ASGIApp, Message, Scope


@dataclass(frozen=True)
class Answer:
    """Header names are lower case; of a repeated header the last one counts."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return jsonlib.loads(self.body)


class AsgiClient:
    """`async with asgi_client(app) as client: answer = await client.post("/api/…", json={…})`."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str] | None = None) -> None:
        self._app = app
        self._headers = dict(headers or {})

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> Answer:
        return await self.request("GET", url, headers=headers)

    async def post(self, url: str, json: Any = None, *, headers: Mapping[str, str] | None = None) -> Answer:
        return await self.request("POST", url, json=json, headers=headers)

    async def put(self, url: str, json: Any = None, *, headers: Mapping[str, str] | None = None) -> Answer:
        return await self.request("PUT", url, json=json, headers=headers)

    async def delete(self, url: str, *, headers: Mapping[str, str] | None = None) -> Answer:
        return await self.request("DELETE", url, headers=headers)

    async def request(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        content: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """`content` as an iterable is sent in chunks without a Content-Length.

        Names that differ in case only are sent as two headers of one name, in their order.
        """
        sent = {**self._headers, **(headers or {})}
        if json is not None:
            content = jsonlib.dumps(json).encode()
            sent.setdefault("Content-Type", "application/json")
        if isinstance(content, bytes):
            sent["Content-Length"] = str(len(content))
        chunks = [content] if isinstance(content, bytes) else list(content or [b""])
        return await _exchange(self._app, _scope(method, url, sent), chunks)


@asynccontextmanager
async def asgi_client(app: ASGIApp, headers: Mapping[str, str] | None = None) -> AsyncIterator[AsgiClient]:
    """A client of the started app; `headers` go with every request."""
    inbox: asyncio.Queue[Message] = asyncio.Queue()
    outbox: asyncio.Queue[Message] = asyncio.Queue()
    life = asyncio.create_task(_live(app, inbox, outbox))
    try:
        await _expect(life, inbox, outbox, "startup")
        yield AsgiClient(app, headers)
        await _expect(life, inbox, outbox, "shutdown")
        await life
    finally:
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)


async def _live(app: ASGIApp, inbox: asyncio.Queue[Message], outbox: asyncio.Queue[Message]) -> None:
    await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, inbox.get, outbox.put)


async def _expect(
    life: asyncio.Task[None], inbox: asyncio.Queue[Message], outbox: asyncio.Queue[Message], phase: str
) -> None:
    inbox.put_nowait({"type": f"lifespan.{phase}"})
    answer = asyncio.create_task(outbox.get())
    await asyncio.wait({life, answer}, return_when=asyncio.FIRST_COMPLETED)
    if not answer.done():
        answer.cancel()
        await life
        raise RuntimeError(f"the app ended its lifespan without answering {phase}")
    if answer.result()["type"] != f"lifespan.{phase}.complete":
        await life
        raise RuntimeError(answer.result().get("message", f"{phase} failed"))


def _scope(method: str, url: str, headers: Mapping[str, str]) -> Scope:
    parts = urlsplit(url)
    named = [(name.lower(), value) for name, value in headers.items()]
    if not any(name == "host" for name, _ in named):
        named.insert(0, ("host", "test"))
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(parts.path),
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "root_path": "",
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in named],
        "client": ("127.0.0.1", 1),
        "server": ("test", 80),
        "state": {},
    }


async def _exchange(app: ASGIApp, scope: Scope, chunks: list[bytes]) -> Answer:
    asked = [
        {"type": "http.request", "body": chunk, "more_body": index + 1 < len(chunks)}
        for index, chunk in enumerate(chunks)
    ]
    answered: list[Message] = []
    ended = asyncio.Event()

    async def receive() -> Message:
        if asked:
            return asked.pop(0)
        await ended.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        answered.append(message)

    try:
        await app(scope, receive, send)
    finally:
        ended.set()
    head = answered[0]
    body = b"".join(message.get("body", b"") for message in answered[1:])
    return Answer(head["status"], {k.decode(): v.decode() for k, v in head["headers"]}, body)
