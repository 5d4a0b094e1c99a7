"""Keys and service tokens are fetched seldom, once for all who wait, and survive the auth service being away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from amazonlite.common.security.jwks import JwksSource, KeysUnavailable
from amazonlite.common.security.keys import public_jwk
from amazonlite.common.security.service_token import ServiceTokenSource, ServiceTokenUnavailable
from amazonlite.common.testing.eventually import eventually
from amazonlite.common.testing.fakes import FakeClock, SigningKey


class Auth:
    """An auth service whose keys and mood a test sets."""

    def __init__(self) -> None:
        self.keys = [SigningKey("a")]
        self.away = False
        self.asked = 0

    async def jwks(self, _: web.Request) -> web.Response:
        self.asked += 1
        if self.away:
            return web.json_response({}, status=503)
        return web.json_response({"keys": [public_jwk(key.kid, key.private.public_key()) for key in self.keys]})

    async def service_token(self, request: web.Request) -> web.Response:
        self.asked += 1
        right = await request.json() == {"clientId": "order", "clientSecret": "s"}
        if self.away or not right:
            return web.json_response({}, status=503 if right else 401)
        return web.json_response({"accessToken": f"token{self.asked}", "expiresIn": 900})


def _asked_again(auth: Auth, before: int) -> bool:
    return auth.asked > before


@pytest.fixture
async def auth() -> AsyncIterator[tuple[Auth, str]]:
    auth = Auth()
    app = web.Application()
    app.router.add_get("/jwks.json", auth.jwks)
    app.router.add_post("/api/auth/service-tokens", auth.service_token)
    async with TestServer(app) as server:
        yield auth, str(server.make_url("")).rstrip("/")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def source(auth: tuple[Auth, str], clock: FakeClock) -> AsyncIterator[JwksSource]:
    source = JwksSource(f"{auth[1]}/jwks.json", clock=clock)
    yield source
    await source.close()


async def test_keys_are_fetched_once_for_all_who_wait(source: JwksSource, auth: tuple[Auth, str]) -> None:
    assert all(await asyncio.gather(*(source.key("a") for _ in range(20))))
    assert auth[0].asked == 1


async def test_invented_key_ids_cause_no_more_than_a_fetch_in_ten_seconds(
    source: JwksSource, auth: tuple[Auth, str], clock: FakeClock
) -> None:
    for number in range(50):
        assert await source.key(f"invented{number}") is None
    assert auth[0].asked == 1
    clock.advance(10)
    await source.key("invented")
    assert auth[0].asked == 2


async def test_a_rotated_key_is_found_at_its_first_use(
    source: JwksSource, auth: tuple[Auth, str], clock: FakeClock
) -> None:
    await source.key("a")
    auth[0].keys.append(SigningKey("b"))
    clock.advance(10)
    assert await source.key("b")


async def test_a_clock_that_is_set_back_keeps_no_key_from_being_fetched(
    source: JwksSource, auth: tuple[Auth, str], clock: FakeClock
) -> None:
    await source.key("a")
    auth[0].keys.append(SigningKey("b"))
    clock.set_back(3600)
    clock.advance(10)
    assert await source.key("b")


async def test_known_keys_are_good_while_auth_is_away(
    source: JwksSource, auth: tuple[Auth, str], clock: FakeClock
) -> None:
    await source.key("a")
    auth[0].away = True
    for _ in range(5):
        clock.advance(400)
        asked = auth[0].asked
        assert await source.key("a")
        await eventually(partial(_asked_again, auth[0], asked))
    assert await source.key("unknown") is None


async def test_a_retired_key_is_dropped_after_the_next_fetch(
    source: JwksSource, auth: tuple[Auth, str], clock: FakeClock
) -> None:
    await source.key("a")
    auth[0].keys = [SigningKey("b")]
    clock.advance(301)
    assert await source.key("a")  # the one that asks first is not kept waiting
    await eventually(lambda: "b" in source._keys)
    assert await source.key("a") is None


async def test_without_any_key_tokens_cannot_be_judged(
    source: JwksSource, auth: tuple[Auth, str], clock: FakeClock
) -> None:
    auth[0].away = True
    for _ in range(3):
        with pytest.raises(KeysUnavailable):
            await source.key("a")
    assert auth[0].asked == 1
    auth[0].away = False
    clock.advance(10)
    assert await source.key("a")


async def test_a_service_token_is_fetched_once_and_renewed_a_minute_early(
    auth: tuple[Auth, str], clock: FakeClock
) -> None:
    source = ServiceTokenSource(auth[1], "order", "s", clock=clock)
    assert set(await asyncio.gather(*(source.token() for _ in range(20)))) == {"token1"}
    clock.advance(839)
    assert await source.token() == "token1"
    clock.advance(1)
    assert await source.token() == "token2"
    source.forget()
    assert await source.token() == "token3"
    await source.close()


@pytest.mark.parametrize(("secret", "away"), [("wrong", False), ("s", True)])
async def test_without_a_service_token_the_caller_may_come_back(
    auth: tuple[Auth, str], clock: FakeClock, secret: str, away: bool
) -> None:
    auth[0].away = away
    source = ServiceTokenSource(auth[1], "order", secret, clock=clock)
    with pytest.raises(ServiceTokenUnavailable):
        await source.token()
    await source.close()
