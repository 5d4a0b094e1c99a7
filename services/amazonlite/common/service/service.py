"""A service's process in one place: what it opens, what runs beside its requests, when it is ready, how it ends.

Each service's `app.py` names its own parts and hands them here, so that start and shutdown are the same for all.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol, TypeVar

from fastapi import APIRouter, FastAPI

from amazonlite.common.background.supervise import Background
from amazonlite.common.http.app import create_app
from amazonlite.common.observe.health import Check
from amazonlite.common.security.jwks import published_by
from amazonlite.common.security.jwt import TokenVerifier

Close = Callable[[], Awaitable[None] | None]


class Closable(Protocol):
    def close(self) -> Awaitable[None] | None: ...


Opened = TypeVar("Opened", bound=Closable)


class Service:
    """Collects the parts of a service; `app` makes the application of them.

    Guarantees, at the end of the process: requests end first, then the background tasks, then all that was opened is
    closed, the last one first; what fails to close keeps nothing else open.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._background: list[Background] = []
        self._readiness: dict[str, Check] = {}
        self._closing: list[Close] = []

    def opened(self, resource: Opened) -> Opened:
        """The resource, which is closed when the process ends."""
        self.on_stop(resource.close)
        return resource

    def on_stop(self, close: Close) -> None:
        self._closing.append(close)

    def background(self, *tasks: Background) -> None:
        """Each runs for as long as the process, and again after a crash (see `supervise`)."""
        self._background.extend(tasks)

    def ready_when(self, **checks: Check) -> None:
        """Each check raises while the service should get no requests; /readyz shows its name then."""
        self._readiness |= checks

    def verifier(self, auth_url: str) -> TokenVerifier:
        """Proves tokens by the keys that the auth service publishes."""
        return TokenVerifier(self.opened(published_by(auth_url)))

    def app(
        self, *routers: APIRouter, verifier: TokenVerifier | None = None, at_once: int | None = None, **state: object
    ) -> FastAPI:
        """`state` is what the routes' dependencies find in `app.state`; `verifier` is what proves their callers.

        `at_once` bounds the shoppers' requests that are worked on at a time (see `Bulkhead`).
        """
        app = create_app(
            self.name,
            routers=routers,
            background=self._background,
            readiness=self._readiness,
            lifespan=self._until_stopped,
            at_once=at_once,
        )
        for name, value in {"verifier": verifier, **state}.items():
            setattr(app.state, name, value)
        return app

    @asynccontextmanager
    async def _until_stopped(self, _: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for close in self._closing:
                stack.push_async_callback(_closed, close)
            yield


async def _closed(close: Close) -> None:
    closing = close()
    if closing is not None:
        await closing
