"""Processes of a benchmark's own on loopback: started, waited for, ended, and what processor time they took."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

UP_WITHIN_SECONDS = 60


@asynccontextmanager
async def process(command: list[str], port: int, environment: dict[str, str]) -> AsyncIterator[int]:
    """Runs the command for as long as the block does; entered with its pid once something listens on the port."""
    program = shutil.which(command[0]) or command[0]
    child = await asyncio.create_subprocess_exec(
        program, *command[1:], env={**os.environ, "PORT": str(port), **environment}, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        await _until(lambda: _listens(port, child), f"{command[0]} on port {port}")
        yield child.pid
    finally:
        if child.returncode is None:
            child.terminate()
        await child.wait()


def cpu_seconds(pid: int) -> float:
    """What the process and its children that live have used so far. Source: proc(5), /proc/[pid]/stat and task."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    children = [child for task in Path(f"/proc/{pid}/task").iterdir() for child in _children(task)]
    return own + sum(cpu_seconds(child) for child in children)


def _children(task: Path) -> list[int]:
    try:
        return [int(child) for child in (task / "children").read_text().split()]
    except FileNotFoundError:  # the thread has ended
        return []


async def ready(url: str) -> None:
    """Waits until the URL answers 200."""

    async def answered() -> bool:
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return response.status == 200

    await _until(answered, url)


async def _until(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    deadline = time.monotonic() + UP_WITHIN_SECONDS
    while time.monotonic() < deadline:
        if await condition():
            return
        await asyncio.sleep(0.05)
    raise TimeoutError(f"{what} did not come up in {UP_WITHIN_SECONDS} s")


async def _listens(port: int, child: asyncio.subprocess.Process) -> bool:
    if child.returncode is not None:
        raise ChildProcessError(f"the program for port {port} ended with status {child.returncode} before it listened")
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
