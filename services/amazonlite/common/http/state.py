"""What a service's composition root has put into `app.state`, as a dependency of its routes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request


def from_state(name: str) -> Callable[[Request], Awaitable[Any]]:
    """`Deps = Annotated[OrderDependencies, Depends(from_state("deps"))]`. Asynchronous, so that it costs no thread."""

    async def found(request: Request) -> Any:
        return getattr(request.app.state, name)

    return found
