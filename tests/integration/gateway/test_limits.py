import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

import pytest
from redis.asyncio import Redis

from amazonlite.common.http.breaker import Breaker
from amazonlite.common.testing.asgi import AsgiClient
from amazonlite.common.testing.fakes import FakeClock, mint_token
from amazonlite.gateway import app
from amazonlite.gateway.domain import RateLimit
from amazonlite.gateway.limits import UNCHECKED, Ask, Decision, Limits, LocalLimiter
from amazonlite.gateway.refusals import RefusedTokens

pytestmark = pytest.mark.stores
Start = Callable[..., Awaitable[AsgiClient]]
Route = Callable[..., Awaitable[None]]
FIVE = RateLimit(5, 60)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(redis_url)
    yield client
    await client.aclose()


def limits_on(redis: Redis) -> Limits:
    return Limits(redis, LocalLimiter(lambda: 0.0), Breaker(FakeClock()))


def ask(client: str = "usr_1", limit: RateLimit | None = FIVE, session: str = "") -> Ask:
    return Ask("orders", client, limit, session)


async def test_the_quota_is_there_at_once_and_not_more(redis: Redis) -> None:
    limits = limits_on(redis)
    taken = [await limits.decide(ask()) for _ in range(6)]
    assert [one.remaining for one in taken] == [4, 3, 2, 1, 0, 0]
    assert [one.allowed for one in taken] == [True] * 5 + [False]
    assert taken[-1].wait == 12
    assert 59 <= taken[-1].reset <= 60


async def test_asks_of_one_moment_share_a_round_trip_and_each_counts(redis: Redis) -> None:
    limits = limits_on(redis)
    before = (await redis.info("commandstats")).get("cmdstat_evalsha", {"calls": 0})["calls"]
    taken = await asyncio.gather(*(limits.decide(ask()) for _ in range(40)))
    after = (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"]
    assert sum(one.allowed for one in taken) == 5
    assert after - before <= 2


async def test_two_gateways_share_the_quota(redis: Redis) -> None:
    one, other = limits_on(redis), limits_on(redis)
    taken = await asyncio.gather(*(limits.decide(ask()) for limits in (one, other) for _ in range(10)))
    assert sum(decision.allowed for decision in taken) == 5


async def test_a_mixed_batch_keeps_its_answers_apart(redis: Redis) -> None:
    await redis.set("revoked:ses_2", "1", ex=60)
    limits = limits_on(redis)
    plain, revoked, unlimited, nothing = await asyncio.gather(
        limits.decide(ask("a", session="ses_1")),
        limits.decide(ask("b", session="ses_2")),
        limits.decide(ask("c", limit=None, session="ses_1")),
        limits.decide(ask("d", limit=None)),
    )
    assert (plain.revoked, plain.allowed, plain.remaining) == (False, True, 4)
    assert revoked.revoked
    assert (unlimited.revoked, unlimited.allowed) == (False, True)
    assert nothing == Decision()


async def test_keys_stay_within_what_the_redis_user_may_touch_and_expire(redis: Redis) -> None:
    await limits_on(redis).decide(ask(session="ses_1"))
    keys = [key.decode() async for key in redis.scan_iter()]
    assert keys == ["rl:orders:usr_1"]
    assert 0 < await redis.pttl("rl:orders:usr_1") <= 12_000


async def test_a_revoked_token_is_refused_and_costs_no_quota(redis: Redis, route: Route, gateway_with: Start) -> None:
    await route("/api/echo", rate_limit="5/1m")
    gateway = await gateway_with()
    headers = {"Authorization": f"Bearer {mint_token('usr_1', sid='ses_9')}"}
    assert (await gateway.get("/api/echo", headers=headers)).status == 200
    await redis.set("revoked:ses_9", "1", ex=60)
    answer = await gateway.get("/api/echo", headers=headers)
    assert (answer.status, answer.json()["code"]) == (401, "token_revoked")


async def test_the_headers_tell_what_is_left_and_429_when_to_come_back(route: Route, gateway_with: Start) -> None:
    await route("/api/echo", rate_limit="2/1m")
    gateway = await gateway_with()
    first, _, refused = [await gateway.get("/api/echo") for _ in range(3)]
    assert first.headers["ratelimit-policy"] == '"default";q=2;w=60'
    assert re.fullmatch(r'"default";r=1;t=30', first.headers["ratelimit"])
    assert (refused.status, refused.json()["code"]) == (429, "rate_limited")
    assert refused.headers["retry-after"] == "30"
    assert refused.headers["ratelimit"].startswith('"default";r=0;t=')


async def test_subjects_are_limited_apart_and_strangers_by_address(route: Route, gateway_with: Start) -> None:
    await route("/api/echo", rate_limit="1/1m")
    gateway = await gateway_with()
    people = [{"Authorization": f"Bearer {mint_token(f'usr_{n}')}"} for n in (1, 2, 1)]
    assert [(await gateway.get("/api/echo", headers=one)).status for one in people] == [200, 200, 429]
    assert [(await gateway.get("/api/echo")).status for _ in range(2)] == [200, 429]


async def test_a_limit_by_address_is_not_evaded_with_many_tokens(route: Route, gateway_with: Start) -> None:
    await route("/api/echo", rate_limit="2/1m", rate_limit_by="address")
    gateway = await gateway_with()
    people: list[dict[str, str]] = [{"Authorization": f"Bearer {mint_token(f'usr_{n}')}"} for n in range(2)]
    assert [(await gateway.get("/api/echo", headers=one)).status for one in [*people, {}]] == [200, 200, 429]


async def test_behind_a_trusted_proxy_each_network_has_a_limit_of_its_own(route: Route, gateway_with: Start) -> None:
    await route("/api/echo", rate_limit="1/1m")
    trusting = await gateway_with(trusted_proxies="127.0.0.0/8, 10.0.0.0/8")

    async def status(came: str) -> int:
        return (await trusting.get("/api/echo", headers={"X-Forwarded-For": came})).status

    assert [await status(came) for came in ("203.0.113.7", "203.0.113.8", "6.6.6.6, 203.0.113.7")] == [200, 200, 429]
    assert [await status(came) for came in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")] == [200, 429, 200]
    assert await status("203.0.113.9, 10.1.1.1") == 200


async def test_without_trusted_proxies_a_made_up_address_changes_nothing(route: Route, gateway_with: Start) -> None:
    await route("/api/echo", rate_limit="1/1m")
    gateway = await gateway_with()
    answers = [await gateway.get("/api/echo", headers={"X-Forwarded-For": f"203.0.113.{n}"}) for n in range(2)]
    assert [answer.status for answer in answers] == [200, 429]


async def test_refused_tokens_are_limited_and_whoever_was_known_before_still_gets_in(
    route: Route, gateway_with: Start, monkeypatch: pytest.MonkeyPatch, echo: Any
) -> None:
    monkeypatch.setattr(app, "RefusedTokens", partial(RefusedTokens, limit=RateLimit(3, 60)))
    await route("/api/echo")
    gateway = await gateway_with()
    known = {"Authorization": f"Bearer {mint_token('usr_1')}"}
    assert (await gateway.get("/api/echo", headers=known)).status == 200
    forged = [{"Authorization": f"Bearer {mint_token('usr_1', ttl=-60 - n)}"} for n in range(5)]
    answers = [await gateway.get("/api/echo", headers=one) for one in forged]
    assert [answer.status for answer in answers] == [401, 401, 401, 429, 429]
    assert int(answers[-1].headers["retry-after"]) in range(19, 22)
    fresh = {"Authorization": f"Bearer {mint_token('usr_2')}"}
    assert (await gateway.get("/api/echo", headers=fresh)).status == 429
    assert (await gateway.get("/api/echo", headers=known)).status == 200
    assert (await gateway.get("/api/echo")).status == 200
    assert echo.asked == 3


async def test_tokens_of_ended_sessions_are_limited_too(
    redis: Redis, route: Route, gateway_with: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "RefusedTokens", partial(RefusedTokens, limit=RateLimit(2, 60)))
    await route("/api/echo", rate_limit="5/1m")
    await redis.set("revoked:ses_9", "1", ex=60)
    gateway = await gateway_with()
    headers = {"Authorization": f"Bearer {mint_token('usr_1', sid='ses_9')}"}
    assert [(await gateway.get("/api/echo", headers=headers)).status for _ in range(3)] == [401, 401, 429]


async def test_a_backends_problem_carries_the_limit_too(
    route: Route, gateway_with: Start, unused_tcp_port: int
) -> None:
    await route("/api/dead", port=unused_tcp_port, rate_limit="5/1m")
    answer = await (await gateway_with()).get("/api/dead")
    assert answer.status == 503
    assert answer.headers["ratelimit"].startswith('"default";r=4;')


async def test_without_redis_requests_go_on_and_the_limit_is_kept_here(
    route: Route, gateway_with: Start, unused_tcp_port: int
) -> None:
    await route("/api/echo", rate_limit="2/1m")
    gateway = await gateway_with(redis_url=f"redis://127.0.0.1:{unused_tcp_port}/0")
    headers = {"Authorization": f"Bearer {mint_token('usr_1', sid='ses_1')}"}
    unchecked = UNCHECKED._value.get()
    answers = [await gateway.get("/api/echo", headers=headers) for _ in range(5)]
    assert [answer.status for answer in answers] == [200, 200, 429, 429, 429]
    assert UNCHECKED._value.get() - unchecked == 5


async def test_what_is_known_to_be_revoked_stays_revoked_without_redis(redis: Redis, unused_tcp_port: int) -> None:
    limits = limits_on(redis)
    await redis.set("revoked:ses_1", "1", ex=60)
    assert (await limits.decide(ask(session="ses_1"))).revoked
    limits._redis = Redis.from_url(f"redis://127.0.0.1:{unused_tcp_port}/0")
    assert (await limits.decide(ask(session="ses_1"))).revoked
    assert not (await limits.decide(ask(session="ses_2"))).revoked


async def test_a_redis_that_forgot_the_script_is_taught_again(redis: Redis) -> None:
    limits = limits_on(redis)
    await limits.decide(ask())
    await redis.script_flush()
    assert (await limits.decide(ask())).remaining == 3
