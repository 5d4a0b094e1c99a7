"""How the operator's process starts, waits and ends, without an API server or beside one that knows no CRDs."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from amazonlite.common.testing.eventually import eventually
from amazonlite_operator import main
from amazonlite_operator.kube import watching
from amazonlite_operator.kube.heartbeat import Heartbeat
from amazonlite_operator.settings import Settings
from support.fake_cluster import FakeCluster
from support.ports import free_port


def kubeconfig(folder: Path) -> Path:
    """Of an API server where nobody listens."""
    server = {"server": f"http://127.0.0.1:{free_port()}"}
    written = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": server}],
        "users": [{"name": "c", "user": {}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
    }
    path = folder / "kubeconfig"
    path.write_text(json.dumps(written))
    return path


class Replica:
    def __init__(self, process: asyncio.subprocess.Process, health: str) -> None:
        self.process = process
        self.health = health

    async def answers(self) -> bool:
        with suppress(aiohttp.ClientConnectionError):
            async with aiohttp.ClientSession() as session, session.get(f"{self.health}/healthz") as response:
                return response.status == 200
        return False


@pytest.fixture
async def replica(tmp_path: Path) -> AsyncIterator[Replica]:
    port = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if name != "KUBERNETES_SERVICE_HOST"},
        "KUBECONFIG": str(kubeconfig(tmp_path)),
        "POD_NAME": "operator-a",
        "POD_NAMESPACE": "ns",
        "OPERATOR_IMAGE": "image",
        "HEALTH_PORT": str(port),
        "METRICS_PORT": str(free_port()),
    }
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "amazonlite_operator", env=environment)
    yield Replica(process, f"http://127.0.0.1:{port}")
    if process.returncode is None:
        process.kill()
        await process.wait()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_a_replica_that_waits_for_the_api_server_lives_and_ends_when_told(
    replica: Replica, how: signal.Signals
) -> None:
    await eventually(replica.answers, within=60, what="the replica answers its liveness probe")
    replica.process.send_signal(how)
    async with asyncio.timeout(20):
        assert await replica.process.wait() == 0


class Kube(FakeCluster):
    """An API server without CRDs, whose Leases can be had."""

    async def replace(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return body


async def test_a_part_that_fails_ends_the_process_with_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(pod_name="a", pod_namespace="ns", operator_image="image")
    kube: Any = Kube(lambda: datetime.now(UTC))
    async with aiohttp.ClientSession() as session:
        operator = main.Operator(settings, kube, session)

        async def failing() -> None:
            raise RuntimeError("broken")

        monkeypatch.setattr(operator.heartbeat, "keep", failing)
        async with asyncio.timeout(20):
            with pytest.raises(main.PartEnded, match="heartbeat: RuntimeError"):
                await operator.run()


def test_kopf_waits_an_outage_out_however_long_it_lasts() -> None:
    heartbeat = Heartbeat(None, namespace="ns", pod="pod")  # type: ignore[arg-type]
    pauses = watching.settings(heartbeat).networking.error_backoffs
    for _ in range(2):  # each request begins anew
        first = list(itertools.islice(iter(pauses), 1000))  # type: ignore[arg-type]
        assert len(first) == 1000
        assert max(first) <= 10
