"""A refresh token works once; a thief and a customer never both keep a session; logging out ends all of it."""

from __future__ import annotations

import asyncio

import pytest

from amazonlite.auth import store, upkeep
from amazonlite.common.data.unit_of_work import in_transaction
from amazonlite.common.testing.builders import bearer
from amazonlite.common.testing.fakes import SigningKey, mint_token

from .conftest import Shop
from .test_accounts import code_of

pytestmark = pytest.mark.stores


async def sid_of(shop: Shop, access_token: str) -> str:
    return str((await shop.validate(access_token)).json()["sessionId"])


async def test_refreshing_gives_new_tokens_of_the_same_session(shop: Shop) -> None:
    first = await shop.session()
    shop.clock.advance(600)
    second = (await shop.refresh(first["refreshToken"])).json()
    assert second["refreshToken"] != first["refreshToken"]
    assert await sid_of(shop, second["accessToken"]) == await sid_of(shop, first["accessToken"])
    assert (await shop.refresh(second["refreshToken"])).status == 200


async def test_no_token_is_stored_as_it_is(shop: Shop) -> None:
    tokens = await shop.session()
    stored = str(shop.rows("SELECT token_hash FROM refresh_token"))
    assert tokens["refreshToken"] not in stored
    assert tokens["refreshToken"].removeprefix("rt_") not in stored


async def test_refreshes_at_once_get_one_successor(shop: Shop) -> None:
    tokens = await shop.session()
    answers = await asyncio.gather(*(shop.refresh(tokens["refreshToken"]) for _ in range(12)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.json()["refreshToken"] for answer in answers}) == 1
    assert shop.rows("SELECT COUNT(*), COUNT(used_at) FROM refresh_token") == [(2, 1)]


async def test_a_lost_answer_can_be_asked_for_again_within_the_grace(shop: Shop) -> None:
    tokens = await shop.session()
    lost = (await shop.refresh(tokens["refreshToken"])).json()
    shop.clock.advance(10)
    again = (await shop.refresh(tokens["refreshToken"])).json()
    assert again["refreshToken"] == lost["refreshToken"]


async def test_reuse_after_the_grace_ends_the_session_for_both(shop: Shop) -> None:
    stolen = await shop.session()
    customer = (await shop.refresh(stolen["refreshToken"])).json()
    sid = await sid_of(shop, customer["accessToken"])
    shop.clock.advance(11)
    assert code_of(await shop.refresh(stolen["refreshToken"]), 401) == "refresh_token_reused"
    assert code_of(await shop.refresh(customer["refreshToken"]), 401) == "session_revoked"
    assert code_of(await shop.validate(customer["accessToken"]), 401) == "session_revoked"
    assert await shop.redis.exists(f"revoked:{sid}")


async def test_within_the_grace_a_used_successor_is_reuse_too(shop: Shop) -> None:
    stolen = await shop.session()
    customer = (await shop.refresh(stolen["refreshToken"])).json()
    await shop.refresh(customer["refreshToken"])
    assert code_of(await shop.refresh(stolen["refreshToken"]), 401) == "refresh_token_reused"


async def test_of_thief_and_customer_at_once_nobody_keeps_the_session(shop: Shop) -> None:
    """The old token is replayed while its successor is being used: in whatever order, the session ends."""
    for number in range(5):
        old = await shop.session(f"ann{number}@example.org")
        new = (await shop.refresh(old["refreshToken"])).json()
        shop.clock.advance(11)
        await asyncio.gather(shop.refresh(old["refreshToken"]), shop.refresh(new["refreshToken"]))
    assert shop.rows("SELECT COUNT(*) FROM session WHERE revoked_at IS NULL") == [(0,)]


async def test_tokens_expire(shop: Shop) -> None:
    tokens = await shop.session()
    shop.clock.advance(906)
    assert code_of(await shop.validate(tokens["accessToken"]), 401) == "token_expired"
    shop.clock.advance(30 * 24 * 3600)
    assert code_of(await shop.refresh(tokens["refreshToken"]), 401) == "refresh_token_expired"


async def test_a_session_ends_after_ninety_days_however_busy(shop: Shop) -> None:
    token = (await shop.session())["refreshToken"]
    for _ in range(4):
        shop.clock.advance(25 * 24 * 3600)
        answer = await shop.refresh(token)
        token = answer.json().get("refreshToken", token)
    assert code_of(answer, 401) == "refresh_token_expired"


async def test_logging_out_ends_refresh_and_access_tokens(shop: Shop) -> None:
    tokens = await shop.session()
    sid = await sid_of(shop, tokens["accessToken"])
    for _ in range(2):  # repeating it is harmless
        answer = await shop.client.post("/api/auth/logout", headers=bearer(tokens["accessToken"]))
        assert answer.status == 204
    assert 900 < await shop.redis.ttl(f"revoked:{sid}") <= 930
    assert code_of(await shop.refresh(tokens["refreshToken"]), 401) == "session_revoked"
    assert code_of(await shop.validate(tokens["accessToken"]), 401) == "session_revoked"


async def test_logging_out_leaves_other_sessions_alone(shop: Shop) -> None:
    laptop = await shop.session()
    phone = (await shop.log_in()).json()
    await shop.client.post("/api/auth/logout", headers=bearer(laptop["accessToken"]))
    assert (await shop.refresh(phone["refreshToken"])).status == 200


async def test_an_emptied_redis_learns_of_revocations_again(shop: Shop) -> None:
    tokens = await shop.session()
    sid = await sid_of(shop, tokens["accessToken"])
    await shop.client.post("/api/auth/logout", headers=bearer(tokens["accessToken"]))
    await shop.redis.flushdb()
    shop.clock.advance(300)
    assert await upkeep.republish(shop.deps) == 1
    assert 600 < await shop.redis.ttl(f"revoked:{sid}") <= 630
    shop.clock.advance(631)
    assert await upkeep.republish(shop.deps) == 0


@pytest.mark.parametrize("token", ["", "rt_unknown", "x" * 200])
async def test_unknown_refresh_tokens_are_refused(shop: Shop, token: str) -> None:
    assert code_of(await shop.refresh(token), 401) == "refresh_token_invalid"


async def test_strangers_tokens_are_refused(shop: Shop) -> None:
    forged = mint_token("usr_ann", now=shop.clock.now(), key=SigningKey(kid="2030-01-01"))
    assert code_of(await shop.validate(forged), 401) == "token_invalid"
    assert code_of(await shop.validate("nonsense"), 401) == "token_malformed"
    assert code_of(await shop.client.get("/api/auth/validate"), 401) == "token_missing"


async def purge(shop: Shop) -> None:
    while await in_transaction(shop.deps.transactions, lambda uow: store.purge(uow, shop.clock.now())):
        pass


async def test_what_is_over_is_purged_and_nothing_else(shop: Shop) -> None:
    await shop.session("ann@example.org")
    await shop.log_in("nobody@example.org")
    shop.clock.advance(60 * 24 * 3600)
    await shop.session("bob@example.org")
    await purge(shop)
    assert shop.rows("SELECT COUNT(*) FROM session") == [(2,)]
    assert shop.rows("SELECT COUNT(*) FROM refresh_token") == [(1,)]
    assert shop.rows("SELECT COUNT(*) FROM login_failure") == [(0,)]
    shop.clock.advance(32 * 24 * 3600)
    await purge(shop)
    assert shop.rows("SELECT COUNT(*) FROM session") == [(1,)]
