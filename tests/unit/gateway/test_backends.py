import asyncio
from collections.abc import AsyncIterator

import pytest

from amazonlite.common.core.errors import DomainError
from amazonlite.common.testing.fakes import FakeClock
from amazonlite.gateway.backends import Target
from amazonlite.gateway.domain import Backend
from amazonlite.gateway.errors import BadGateway, ServiceUnavailable, UpstreamTimedOut

REQUEST = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


class Fickle:
    """A backend that drops the first `drops` requests, then answers; None answers nothing at all."""

    def __init__(self) -> None:
        self.drops = 0
        self.silent = False
        self.asked = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            self.asked += 1
            if self.drops:
                self.drops -= 1
                break
            if not self.silent:
                writer.write(OK)
        writer.close()


@pytest.fixture
def fickle() -> Fickle:
    return Fickle()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def target(fickle: Fickle, clock: FakeClock) -> AsyncIterator[Target]:
    server = await asyncio.start_server(fickle.serve, "127.0.0.1", 0)
    target = Target(Backend("127.0.0.1", server.sockets[0].getsockname()[1]), clock)
    yield target
    target.pool.close()
    server.close()


async def send(target: Target, *, repeatable: bool = True, seconds: float = 5.0) -> int:
    return (await target.send(REQUEST, method="GET", repeatable=repeatable, seconds=seconds)).status


async def test_a_repeatable_request_is_sent_once_more_after_a_dropped_connection(
    fickle: Fickle, target: Target
) -> None:
    fickle.drops = 1
    assert await send(target) == 200
    assert fickle.asked == 2


async def test_twice_is_all(fickle: Fickle, target: Target) -> None:
    fickle.drops = 2
    with pytest.raises(BadGateway):
        await send(target)
    assert fickle.asked == 2


async def test_what_must_not_happen_twice_is_sent_once(fickle: Fickle, target: Target) -> None:
    fickle.drops = 1
    with pytest.raises(BadGateway):
        await send(target, repeatable=False)
    assert fickle.asked == 1


async def test_a_slow_backend_is_not_asked_again(fickle: Fickle, target: Target) -> None:
    fickle.silent = True
    with pytest.raises(UpstreamTimedOut):
        await send(target, seconds=0.05)
    assert fickle.asked == 1


async def fail(target: Target, times: int) -> list[type[DomainError]]:
    errors: list[type[DomainError]] = []
    for _ in range(times):
        try:
            await send(target, repeatable=False)
        except DomainError as error:
            errors.append(type(error))
    return errors


async def test_after_five_failures_a_backend_is_left_alone_then_tried_with_one_request(
    fickle: Fickle, target: Target, clock: FakeClock
) -> None:
    fickle.drops = 6
    assert await fail(target, 6) == [BadGateway] * 5 + [ServiceUnavailable]
    assert fickle.asked == 5

    clock.advance(5)  # half-open: the probe fails, and the pause begins anew
    assert await fail(target, 2) == [BadGateway, ServiceUnavailable]
    assert fickle.asked == 6

    clock.advance(5)
    assert await send(target) == 200
    assert await send(target) == 200


async def test_the_refusal_tells_when_to_come_back(fickle: Fickle, target: Target, clock: FakeClock) -> None:
    fickle.drops = 5
    await fail(target, 5)
    clock.advance(1.5)
    with pytest.raises(ServiceUnavailable) as refused:
        await send(target)
    assert refused.value.headers["Retry-After"] == "4"
