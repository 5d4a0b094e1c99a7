import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from amazonlite.common.core.tasks import stop
from amazonlite.common.testing.eventually import eventually
from amazonlite.gateway.answer import (
    Answer,
    ConnectFailed,
    ConnectionDropped,
    MalformedAnswer,
    Saturated,
    UpstreamTimeout,
)
from amazonlite.gateway.upstream import BUFFERED, Connection, Pool

REQUEST = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
CLOSE = b"<close>"


class Backend:
    """Answers each request with the next scripted bytes; CLOSE at their end closes the connection."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.connections = 0
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        while await _request(reader):
            answer = self.answers.pop(0)
            writer.write(answer.removesuffix(CLOSE))
            if answer.endswith(CLOSE):
                break
        writer.close()


async def _request(reader: asyncio.StreamReader) -> bool:
    try:
        await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return False
    return True


@asynccontextmanager
async def pool_to(backend: Backend, **options: int) -> AsyncIterator[Pool]:
    server = await asyncio.start_server(backend.serve, "127.0.0.1", 0)
    pool = Pool("127.0.0.1", server.sockets[0].getsockname()[1], **options)
    try:
        yield pool
    finally:
        pool.close()
        for writer in backend.writers:
            writer.close()
        server.close()
        await server.wait_closed()


async def ask(pool: Pool, *, bodyless: bool = False, seconds: float = 5.0) -> Answer:
    return await pool.send(REQUEST, bodyless=bodyless, seconds=seconds)


async def whole(answer: Answer) -> bytes:
    assert answer.stream is not None
    return b"".join([chunk async for chunk in answer.stream])


async def test_a_connection_serves_many_exchanges() -> None:
    backend = Backend(OK, OK, OK)
    async with pool_to(backend) as pool:
        assert [(await ask(pool)).body for _ in range(3)] == [b"ok"] * 3
    assert backend.connections == 1


async def test_at_once_means_connections_of_their_own() -> None:
    backend = Backend(OK, OK, OK)
    async with pool_to(backend) as pool:
        await asyncio.gather(*(ask(pool) for _ in range(3)))
    assert backend.connections == 3


async def test_exchanges_beyond_the_most_wait_for_one_to_end() -> None:
    backend = Backend(*[OK] * 4)
    async with pool_to(backend, at_most=2) as pool:
        answers = await asyncio.gather(*(ask(pool) for _ in range(4)))
    assert [answer.body for answer in answers] == [b"ok"] * 4
    assert backend.connections == 2


async def test_whoever_waits_too_long_or_behind_too_many_is_refused_and_room_comes_back() -> None:
    backend = Backend(b"", b"HTTP/1.1 100 Continue\r\n\r\n", OK, OK)
    async with pool_to(backend, at_most=2) as pool:
        silent = [asyncio.create_task(ask(pool, seconds=0.4)) for _ in range(2)]
        await eventually(lambda: backend.connections == 2)
        waiting = [asyncio.create_task(ask(pool, seconds=0.1)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Saturated, match="as many waiting"):
            await ask(pool)
        for one in waiting:
            with pytest.raises(Saturated, match="in time"):
                await one
        for one in silent:
            with pytest.raises(UpstreamTimeout):
                await one
        assert [(await ask(pool)).body for _ in range(2)] == [b"ok"] * 2


class Watched(Pool):
    """Tells of its connections, so that a test says when an answer comes."""

    def opened(self, connection: Connection) -> None:
        self.connections = [*getattr(self, "connections", ()), connection]
        super().opened(connection)


def time_out(first: asyncio.Task[Answer], free: Callable[[], None]) -> None:
    """In one turn of the loop a place becomes free, then the first waiter's time is over."""
    loop = asyncio.get_running_loop()
    loop.call_later(0.05, time.sleep, 0.2)
    loop.call_later(0.06, free)


def cancel(first: asyncio.Task[Answer], free: Callable[[], None]) -> None:
    free()
    first.cancel()


@pytest.mark.parametrize(("leave", "error"), [(time_out, Saturated), (cancel, asyncio.CancelledError)])
async def test_whoever_leaves_as_a_place_becomes_free_leaves_it_to_the_next(
    leave: Callable[[asyncio.Task[Answer], Callable[[], None]], None], error: type[BaseException]
) -> None:
    backend = Backend(b"", b"", OK)
    server = await asyncio.start_server(backend.serve, "127.0.0.1", 0)
    pool = Watched("127.0.0.1", server.sockets[0].getsockname()[1], at_most=2)
    async with server:
        under_way = [asyncio.create_task(ask(pool)) for _ in range(2)]
        await eventually(lambda: len(backend.answers) == 1)
        first, second = (asyncio.create_task(ask(pool, seconds=seconds)) for seconds in (0.15, 2))
        await asyncio.sleep(0)
        leave(first, lambda: pool.connections[0].data_received(OK))
        with pytest.raises(error):
            await first
        assert (await second).body == b"ok"
        await stop(under_way)
        for writer in backend.writers:
            writer.close()


async def test_a_failed_connect_takes_no_place(unused_tcp_port: int) -> None:
    pool = Pool("127.0.0.1", unused_tcp_port, at_most=1)
    for _ in range(3):
        with pytest.raises(ConnectFailed):
            await ask(pool)


async def test_headers_are_lower_case_and_those_of_the_connection_are_gone() -> None:
    async with pool_to(
        Backend(b'HTTP/1.1 201 Created\r\nETag: "1"\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n')
    ) as pool:
        answer = await ask(pool)
    assert answer.status == 201
    assert answer.headers == [(b"etag", b'"1"'), (b"content-length", b"0")]


@pytest.mark.parametrize("head", [b"204 No Content", b"304 Not Modified\r\ncontent-length: 9"])
async def test_answers_without_a_body_end_at_their_head(head: bytes) -> None:
    backend = Backend(b"HTTP/1.1 " + head + b"\r\n\r\n", OK)
    async with pool_to(backend) as pool:
        assert (await ask(pool)).body == b""
        assert (await ask(pool)).body == b"ok"
    assert backend.connections == 1


async def test_head_ends_at_the_head_whatever_length_it_announces() -> None:
    async with pool_to(Backend(b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n", OK)) as pool:
        answer = await ask(pool, bodyless=True)
        assert (answer.status, answer.body, answer.stream) == (200, b"", None)
        assert (await ask(pool)).body == b"ok"


async def test_early_hints_are_skipped() -> None:
    async with pool_to(Backend(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + OK)) as pool:
        answer = await ask(pool)
    assert (answer.status, answer.headers) == (200, [(b"content-length", b"2")])


async def test_chunks_are_streamed_and_the_connection_is_used_again() -> None:
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    backend = Backend(chunked, OK)
    async with pool_to(backend) as pool:
        assert await whole(await ask(pool)) == b"abc"
        assert (await ask(pool)).body == b"ok"
    assert backend.connections == 1


async def test_a_long_answer_is_streamed_with_the_reader_setting_the_pace() -> None:
    size = BUFFERED * 3
    async with pool_to(Backend(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + b"x" * size)) as pool:
        assert len(await whole(await ask(pool))) == size


async def test_a_body_may_end_with_the_connection() -> None:
    async with pool_to(Backend(b"HTTP/1.1 200 OK\r\n\r\nall of it" + CLOSE)) as pool:
        assert await whole(await ask(pool)) == b"all of it"


async def test_a_stream_that_breaks_off_says_so() -> None:
    broken = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab" + CLOSE
    async with pool_to(Backend(broken)) as pool:
        answer = await ask(pool)
        with pytest.raises(ConnectionDropped):
            await whole(answer)


@pytest.mark.parametrize(
    "answer", [CLOSE, b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf" + CLOSE, b"HTTP/1.1 200 OK\r\nconte" + CLOSE]
)
async def test_an_answer_that_breaks_off_is_a_dropped_connection(answer: bytes) -> None:
    async with pool_to(Backend(answer)) as pool:
        with pytest.raises(ConnectionDropped):
            await ask(pool)


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n"]
)
async def test_what_is_not_http_is_malformed(answer: bytes) -> None:
    async with pool_to(Backend(answer)) as pool:
        with pytest.raises(MalformedAnswer):
            await ask(pool)


async def test_a_backend_that_says_nothing_times_out_and_its_connection_is_not_used_again() -> None:
    backend = Backend(b"", OK)
    async with pool_to(backend) as pool:
        with pytest.raises(UpstreamTimeout):
            await ask(pool, seconds=0.05)
        assert (await ask(pool)).body == b"ok"
    assert backend.connections == 2


async def test_nobody_listening_is_told_apart_because_nothing_was_sent(
    unused_tcp_port_factory: Callable[[], int],
) -> None:
    with pytest.raises(ConnectFailed):
        await ask(Pool("127.0.0.1", unused_tcp_port_factory()))


async def test_an_idle_connection_that_the_backend_closed_is_not_used() -> None:
    backend = Backend(OK + CLOSE, OK)
    async with pool_to(backend) as pool:
        await ask(pool)
        await eventually(lambda: pool.idle == 0, every=0.005)
        assert (await ask(pool)).body == b"ok"
    assert backend.connections == 2


async def test_what_nobody_asked_for_ends_the_connection() -> None:
    backend = Backend(OK + OK, OK)
    async with pool_to(backend) as pool:
        assert (await ask(pool)).headers == [(b"content-length", b"2")]
        assert (await ask(pool)).body == b"ok"
    assert backend.connections == 2


async def test_a_caller_who_gives_up_takes_the_connection_along() -> None:
    backend = Backend(b"", OK)
    async with pool_to(backend) as pool:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await ask(pool)
        assert (await ask(pool)).body == b"ok"
    assert backend.connections == 2
