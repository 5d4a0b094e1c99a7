"""A way from this machine to a Service that the gateway does not lead to."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from amazonlite_cli.errors import CommandError
from amazonlite_cli.kube import CHOSEN
from amazonlite_cli.paths import HOME, KUBECONFIG, NAMESPACE

_LISTENING = re.compile(rb"127\.0\.0\.1:(\d+)")
STARTS_WITHIN = 15.0


@asynccontextmanager
async def reached(service: str) -> AsyncIterator[str]:
    """The service's URL: of the environment where it names one (AUTH_URL), else of a `kubectl port-forward`.

    Raises:
        CommandError: kubectl could not connect; nothing was sent.
    """
    if url := os.environ.get(f"{service.upper()}_URL"):
        yield url
        return
    forward = await asyncio.create_subprocess_exec(
        *_command(service), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        told, failed = cast(asyncio.StreamReader, forward.stdout), cast(asyncio.StreamReader, forward.stderr)
        port = await _port(told, failed, service)
        yield f"http://127.0.0.1:{port}"
    finally:
        if forward.returncode is None:
            forward.terminate()
        await forward.wait()


def _command(service: str) -> list[str]:
    own = HOME / "bin" / "kubectl"
    config = os.environ.get(CHOSEN) or str(KUBECONFIG)
    program = str(own) if own.exists() else "kubectl"
    return [program, "--kubeconfig", config, "-n", NAMESPACE, "port-forward", f"service/{service}", ":8000"]


async def _port(told: asyncio.StreamReader, failed: asyncio.StreamReader, service: str) -> int:
    try:
        async with asyncio.timeout(STARTS_WITHIN):
            found = _LISTENING.search(await told.readline())
            said = "" if found else (await failed.read()).decode(errors="replace").strip()
    except TimeoutError:
        found, said = None, f"no answer in {STARTS_WITHIN:g} s"
    if found is None:
        what = f"kubectl does not reach the service {service}: {said}"
        raise CommandError("service_not_reached", what, "everything; nothing was sent", "run `amazonlite up`")
    return int(found[1])
