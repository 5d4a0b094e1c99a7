"""The operator as a process of this machine, against the API server that KUBECONFIG names."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp

from amazonlite.common.testing.eventually import eventually
from support.ports import free_port
from support.shipped import optimization


class Replica:
    """One operator process."""

    def __init__(self, pod: str, namespace: str, shop_url: str, more: Mapping[str, str] | None = None) -> None:
        self.pod = pod
        self.health = f"http://127.0.0.1:{(port := free_port())}"
        self.metrics = f"http://127.0.0.1:{(metrics_port := free_port())}/metrics"
        urls = {f"{name}_URL": shop_url for name in ("INVENTORY", "ORDER", "PAYMENT", "GATEWAY", "AUTH")}
        self._environment = {
            **os.environ,
            **optimization(),
            **urls,
            "POD_NAME": pod,
            "POD_NAMESPACE": namespace,
            "OPERATOR_IMAGE": "image",
            "AUTH_CLIENT_ID": "operator",
            "AUTH_CLIENT_SECRET": "secret",
            "HEALTH_PORT": str(port),
            "METRICS_PORT": str(metrics_port),
            **(more or {}),
        }
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "amazonlite_operator", env=self._environment
        )

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(how)
        return await self.process.wait()

    async def get(self, path: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as session, session.get(f"{self.health}{path}") as response:
            return response.status, await response.text()

    async def exported(self) -> str:
        async with aiohttp.ClientSession() as session, session.get(self.metrics) as response:
            return await response.text()

    async def until_ready(self) -> None:
        async def ready() -> bool:
            try:
                return (await self.get("/readyz"))[0] == 200
            except aiohttp.ClientConnectionError:
                return False

        await eventually(ready, within=60, what=f"{self.pod} is ready")

    def resident_mebibytes(self) -> float:
        assert self.process is not None
        with open(f"/proc/{self.process.pid}/statm") as statm:  # noqa: PTH123
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20


async def until(seen: Callable[[], Any], what: str, within: float = 60) -> Any:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    while loop.time() < deadline:
        found = await asyncio.to_thread(seen)
        if found:
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(f"not in {within} s: {what}")
