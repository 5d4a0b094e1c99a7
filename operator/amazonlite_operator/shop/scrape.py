"""The metrics of a service straight from its pods: each keeps its own, so a Service would show one at random."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp

from amazonlite.common.observe.logs import get_logger
from amazonlite_operator.kube.api import Kube

TIMEOUT = aiohttp.ClientTimeout(total=1.5)

log = get_logger(__name__)


class PodScraper:
    def __init__(self, kube: Kube, session: aiohttp.ClientSession) -> None:
        self._kube = kube
        self._session = session

    async def scrape(self, namespace: str, app: str) -> dict[str, str]:
        """The metrics pages by pod uid; a pod that doesn't answer is left out this time."""
        pods = await self._kube.items(
            f"/api/v1/namespaces/{namespace}/pods", labelSelector=f"app.kubernetes.io/name={app}"
        )
        running = [pod for pod in pods if pod.get("status", {}).get("podIP")]
        pages = await asyncio.gather(*(self._metrics(pod) for pod in running))
        return {pod["metadata"]["uid"]: page for pod, page in zip(running, pages, strict=True) if page is not None}

    async def _metrics(self, pod: dict[str, Any]) -> str | None:
        url = f"http://{pod['status']['podIP']}:{_port(pod)}/metrics"
        try:
            async with self._session.get(url, timeout=TIMEOUT) as response:
                return await response.text() if response.status == 200 else None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.info("pod_not_scraped", pod=pod["metadata"]["name"], error=repr(error))
            return None


def _port(pod: dict[str, Any]) -> int:
    ports = [port for container in pod["spec"]["containers"] for port in container.get("ports", ())]
    return next((port["containerPort"] for port in ports if port.get("name") == "http"), 8000)
