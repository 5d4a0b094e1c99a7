"""What a kind needs of the API server; kube.api.Kube in a pod, in memory in tests."""

from __future__ import annotations

from typing import Any, Protocol


class Cluster(Protocol):
    async def get(self, path: str) -> dict[str, Any] | None: ...

    async def items(self, path: str, **selectors: str) -> list[dict[str, Any]]: ...

    async def create(self, path: str, body: dict[str, Any]) -> dict[str, Any]: ...

    async def merge(self, path: str, patch: dict[str, Any]) -> dict[str, Any]: ...

    async def delete(self, path: str) -> None: ...
