"""Who asks, for routes: `asking: Asking` is a customer, `Depends(reader("orders:read-any"))` may also be a service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends

from amazonlite.common.core.viewer import Viewer
from amazonlite.common.security.jwt import Principal
from amazonlite.common.security.principal import principal, require


async def customer(asking: Annotated[Principal, Depends(require("shop"))]) -> Viewer:
    return Viewer(asking.subject)


Asking = Annotated[Viewer, Depends(customer)]


def reader(scope: str) -> Callable[..., Awaitable[Viewer]]:
    """Whoever is known sees their own; who has this scope sees everybody's."""

    async def reading(asking: Annotated[Principal, Depends(principal)]) -> Viewer:
        return Viewer(asking.subject, internal=scope in asking.scopes)

    return reading
