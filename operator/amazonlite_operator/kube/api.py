"""The API server as plain dicts: the kubernetes client's connection (config, TLS, token renewal) without its models.

The typed models would cost 30 MiB and a copy of every object; manifests are read where they are understood instead.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration

Manifest = dict[str, Any]
# Shorter than the time between a leader's last renewal deadline and the end of its lease: see lease.py.
REQUEST_SECONDS = 4.0
MERGE = "application/merge-patch+json"


class KubeError(Exception):
    """The API server refused; `status` is the HTTP status. Retrying helps only for 429 and 5xx."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status

    @property
    def refused(self) -> bool:
        """It will be refused again until a person changes something: rights, a quota, a policy, an object."""
        return 400 <= self.status < 500 and self.status not in (404, 409, 410, 429)


class ObjectNotFound(KubeError):
    """There is no such object (404)."""


class ObjectConflict(KubeError):
    """It exists already, or has changed since it was read (409): read again."""


class ApiServerAway(KubeError):
    """No answer: the outcome is unknown, so observe again."""

    def __init__(self, message: str) -> None:
        super().__init__(0, message)


class Kube:
    """`get`, `items`, `create`, `merge`, `replace`, `delete`; a path is what kubectl shows with -v=6."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    @classmethod
    async def connect(cls) -> Self:
        """With the pod's service account inside a cluster, else with KUBECONFIG."""
        configuration = Configuration()
        if "KUBERNETES_SERVICE_HOST" in os.environ:
            config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        else:
            await config.load_kube_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        return cls(ApiClient(configuration))

    async def close(self) -> None:
        await self._client.close()  # type: ignore[no-untyped-call]

    async def get(self, path: str) -> Manifest | None:
        try:
            return await self._call("GET", path)
        except ObjectNotFound:
            return None

    async def items(self, path: str, **selectors: str) -> list[Manifest]:
        found: list[Manifest] = (await self._call("GET", path, query=selectors)).get("items", [])
        return found

    async def create(self, path: str, body: Manifest) -> Manifest:
        return await self._call("POST", path, body)

    async def merge(self, path: str, patch: Manifest) -> Manifest:
        """JSON merge patch; a patch holding metadata.resourceVersion conflicts unless that is still the latest."""
        return await self._call("PATCH", path, patch, media_type=MERGE)

    async def replace(self, path: str, body: Manifest) -> Manifest:
        return await self._call("PUT", path, body)

    async def delete(self, path: str) -> None:
        """Dependents follow in the background; an object that isn't there is fine."""
        try:
            await self._call("DELETE", path, {"propagationPolicy": "Background"})
        except ObjectNotFound:
            return

    async def text(self, path: str) -> str:
        return (await self._send("GET", path, None, "application/json", {})).decode()

    async def _call(
        self,
        method: str,
        path: str,
        body: Manifest | None = None,
        *,
        media_type: str = "application/json",
        query: Mapping[str, str] | None = None,
    ) -> Manifest:
        answer: Manifest = json.loads(await self._send(method, path, body, media_type, query or {}))
        return answer

    async def _send(
        self, method: str, path: str, body: Manifest | None, media_type: str, query: Mapping[str, str]
    ) -> bytes:
        headers = {"Accept": "application/json", "Content-Type": media_type}
        await self._client.update_params_for_auth(headers, None, ["BearerToken"], path, method, body)
        host: str = self._client.configuration.host
        url = f"{host}{path}?{urlencode(query)}" if query else f"{host}{path}"
        try:
            response = await self._client.call_api(method, url, headers, body, _request_timeout=REQUEST_SECONDS)
            data: bytes = await response.read()  # type: ignore[no-untyped-call]
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ApiServerAway(repr(error)) from error
        if response.status >= 400:
            raise _error(response.status, data)
        return data


def _error(status: int, data: bytes) -> KubeError:
    try:
        message = str(json.loads(data).get("message", ""))
    except ValueError:
        message = data.decode(errors="replace")[:200]
    kinds: Mapping[int, type[KubeError]] = {404: ObjectNotFound, 409: ObjectConflict}
    return kinds.get(status, KubeError)(status, message)
