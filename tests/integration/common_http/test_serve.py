"""A stopped process fails readiness first, answers what it has begun, and ends by itself."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import aiohttp
import pytest

from support.ports import free_port
from support.shipped import optimization

APP = """
import asyncio
from fastapi import APIRouter
from amazonlite.common.http.app import create_app

routes = APIRouter()
released = asyncio.Event()

@routes.get("/slow")
async def slow():
    await released.wait()
    return "done"

@routes.post("/release")
async def release():
    released.set()

def create():
    return create_app("probe", routers=[routes])
"""
RUN = """
from amazonlite.common.http import connection
from amazonlite.common.http.serve import run
connection.HEAD_SECONDS = 1.0
connection.MOST_CONNECTIONS = 10
connection.MOST_OF_A_NETWORK = 6
run('shop.probe.app:create')
"""


class Served:
    def __init__(
        self, process: asyncio.subprocess.Process, url: str, internal: int, session: aiohttp.ClientSession
    ) -> None:
        self.process = process
        self.internal = internal
        self.url = url
        self.session = session

    async def status(self, path: str, method: str = "GET") -> int:
        try:
            async with self.session.request(method, self.url + path) as response:
                return response.status
        except aiohttp.ClientConnectionError:
            return 0

    async def head(self, path: str) -> Mapping[str, str]:
        """The headers of an answer; ClientConnectionError when there is none."""
        async with self.session.get(self.url + path) as response:
            return response.headers

    async def connected(self, address: str, sent: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection from this address, once the server has seen what was sent."""
        port = int(self.url.rsplit(":", 1)[1])
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
        writer.write(sent)
        await asyncio.sleep(0.01)
        return reader, writer

    async def becomes(self, path: str, status: int, method: str = "GET") -> None:
        async with asyncio.timeout(15):
            while await self.status(path, method) != status:
                assert self.process.returncode is None
                await asyncio.sleep(0.02)


async def test_a_connection_that_never_finishes_a_head_is_closed_and_a_slow_answer_is_not(served: Served) -> None:
    slow = asyncio.create_task(served.status("/slow"))
    port = int(served.url.rsplit(":", 1)[1])
    ends = [asyncio.create_task(end_of(port, sent)) for sent in (b"", b"GET / HTTP/1.1\r\nx: ", WHOLE + b"GET / HT")]
    async with asyncio.timeout(10):
        answers = await asyncio.gather(*ends)
    assert [answer[:12] for answer in answers] == [b"", b"", b"HTTP/1.1 404"]
    assert not slow.done()
    assert await served.status("/release", "POST") == 200
    assert await slow == 200


async def test_beyond_the_most_requests_under_way_new_connections_are_closed_and_probes_are_not(served: Served) -> None:
    held = [await served.connected(address, SLOW) for address in ("127.0.0.2", "127.0.0.3") for _ in range(5)]
    assert await answered(await served.connected("127.0.0.4", WHOLE)) == b""
    async with served.session.get(f"http://127.0.0.1:{served.internal}/readyz") as answer:
        assert answer.status == 200
    held[0][1].close()
    await served.becomes("/release", 200, "POST")
    assert [await answered(each) for each in held[1:]] == [b"HTTP/1.1 200"] * 9


async def test_one_address_cannot_keep_another_out(served: Served) -> None:
    """It holds its share with requests under way, and tries for more."""
    held = [await served.connected("127.0.0.2", SLOW) for _ in range(6)]
    greedy = [await served.connected("127.0.0.2", SLOW) for _ in range(20)]
    assert [await answered(each) for each in greedy] == [b""] * 20
    assert [await answered(await served.connected("127.0.0.3", WHOLE)) for _ in range(4)] == [b"HTTP/1.1 404"] * 4
    await served.becomes("/release", 200, "POST")
    assert [await answered(each) for each in held] == [b"HTTP/1.1 200"] * 6


async def test_the_connection_that_waits_longest_makes_room_and_what_is_under_way_stays(served: Served) -> None:
    slow = await served.connected("127.0.0.2", SLOW)
    idle = [await served.connected(address, WHOLE) for address in ("127.0.0.3", "127.0.0.4", "127.0.0.5") * 3]
    assert [await answered(each) for each in idle] == [b"HTTP/1.1 404"] * 9
    assert await answered(await served.connected("127.0.0.6", WHOLE)) == b"HTTP/1.1 404"
    idle[1][1].write(WHOLE)
    assert [await answered(each) for each in idle[:2]] == [b"", b"HTTP/1.1 404"]
    await served.becomes("/release", 200, "POST")
    assert await answered(slow) == b"HTTP/1.1 200"


async def test_a_network_at_its_share_lets_its_own_idle_connections_go(served: Served) -> None:
    first = [await served.connected("127.0.0.2", WHOLE) for _ in range(6)]
    assert [await answered(each) for each in first] == [b"HTTP/1.1 404"] * 6
    assert await answered(await served.connected("127.0.0.2", WHOLE)) == b"HTTP/1.1 404"
    assert await answered(first[0]) == b""


@pytest.mark.parametrize("proxies", ["127.0.0.2/32, 2001:db8::/32"])
async def test_a_trusted_proxy_may_hold_more_than_a_share(served: Served) -> None:
    held = [await served.connected("127.0.0.2", SLOW) for _ in range(9)]
    assert await answered(await served.connected("127.0.0.3", WHOLE)) == b"HTTP/1.1 404"
    await served.becomes("/release", 200, "POST")
    assert [await answered(each) for each in held] == [b"HTTP/1.1 200"] * 9


async def test_an_empty_line_after_an_answer_keeps_no_connection_open(served: Served) -> None:
    port = int(served.url.rsplit(":", 1)[1])
    async with asyncio.timeout(5):
        assert (await end_of(port, WHOLE, b"\r\n"))[:12] == b"HTTP/1.1 404"


WHOLE = b"GET /nowhere HTTP/1.1\r\nhost: a\r\n\r\n"
SLOW = b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n"


async def answered(connection: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> bytes:
    """The beginning of what the server says next, or nothing where it closes the connection."""
    async with asyncio.timeout(5):
        try:
            head = await connection[0].readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""
        length = int(re.findall(rb"content-length: (\d+)", head)[0])
        await connection[0].readexactly(length)
        return head[:12]


async def end_of(port: int, sent: bytes, later: bytes = b"") -> bytes:
    """All that the server says until it closes the connection; `later` is sent once it has begun to."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    try:
        first = await reader.read(12) if later else b""
        writer.write(later)
        return first + await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.fixture
def proxies() -> str:
    return ""


@pytest.fixture
async def served(tmp_path: Path, proxies: str) -> AsyncIterator[Served]:
    package = tmp_path / "shop" / "probe"
    package.mkdir(parents=True)
    (package / "app.py").write_text(APP)
    port, internal = free_port(), free_port()
    ports = {"PORT": str(port), "INTERNAL_PORT": str(internal)}
    environment = {**os.environ, **optimization(), **ports, "TRUSTED_PROXIES": proxies, "PYTHONPATH": str(tmp_path)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", RUN, env=environment, stdout=asyncio.subprocess.PIPE
    )
    async with aiohttp.ClientSession() as session:
        served = Served(process, f"http://127.0.0.1:{port}", internal, session)
        await served.becomes("/readyz", 200)
        yield served
    if process.returncode is None:
        process.kill()
        await process.wait()


async def test_readiness_fails_first_and_what_was_begun_is_answered(served: Served) -> None:
    slow = asyncio.create_task(served.status("/slow"))
    await asyncio.sleep(0)
    served.process.send_signal(signal.SIGTERM)
    await served.becomes("/readyz", 503)
    assert await served.status("/healthz") == 200
    assert await served.status("/release", "POST") == 200
    assert await slow == 200
    assert await asyncio.wait_for(served.process.wait(), 10) == 0


async def test_connections_that_were_there_before_keep_nobody_waiting(served: Served) -> None:
    port = int(served.url.rsplit(":", 1)[1])
    before = [await asyncio.open_connection("127.0.0.1", port) for _ in range(10)]
    for _, writer in before:
        writer.write(WHOLE)
    served.process.send_signal(signal.SIGTERM)
    await served.becomes("/readyz", 503)
    began = time.monotonic()
    ended = asyncio.create_task(served.process.wait())
    for _, writer in before:
        writer.write(WHOLE)
        await asyncio.wait({ended}, timeout=0.5)
    assert await ended == 0
    assert time.monotonic() - began < 4.5  # were each request waited for, it would be 7


async def test_whoever_still_asks_is_answered_and_told_to_connect_anew(served: Served) -> None:
    """A node's proxy that has not heard of it yet sends new connections to a stopping pod."""
    assert (await served.head("/nowhere")).get("connection") is None
    served.process.send_signal(signal.SIGTERM)
    await served.becomes("/readyz", 503)
    for _ in range(20):  # 5 s, twice as long as it takes when nobody asks
        assert (await served.head("/nowhere"))["connection"] == "close"
        await asyncio.sleep(0.25)
    assert await asyncio.wait_for(served.process.wait(), 4) == 0


async def test_a_request_that_never_ends_does_not_keep_the_process(served: Served) -> None:
    hanging = asyncio.create_task(served.status("/slow"))
    served.process.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(served.process.wait(), 12) == 0
    assert await hanging in (0, 500)
