"""Services prove themselves by their credentials; tokens in bulk are staff's, bounded and on record; keys rotate."""

from __future__ import annotations

import json
from typing import Any

import pytest

from amazonlite.auth import upkeep
from amazonlite.auth.app import create
from amazonlite.auth.domain import RevocationUnavailable, hash_of
from amazonlite.auth.settings import Settings
from amazonlite.common.security.jwt import TokenVerifier
from amazonlite.common.security.keys import keys_of
from amazonlite.common.testing.asgi import Answer, asgi_client
from amazonlite.common.testing.builders import bearer

from .conftest import Shop, write_key
from .test_accounts import code_of

pytestmark = pytest.mark.stores


async def bulk(shop: Shop, body: dict[str, Any], client: str = "load") -> Answer:
    headers = bearer(await shop.service_token(client)) | {"X-Correlation-Id": "cor_bulk"}
    return await shop.client.post("/internal/auth/tokens:bulk", {"reason": "load test", **body}, headers=headers)


async def test_a_service_gets_a_token_with_its_scopes(shop: Shop) -> None:
    known = (await shop.validate(await shop.service_token("load"))).json()
    assert (known["subject"], known["kind"]) == ("svc_load", "service")
    assert known["scopes"] == ["ledger:read", "staff:tokens"]


@pytest.mark.parametrize(
    ("client_id", "secret"),
    [("load", "order-secret"), ("load", ""), ("nobody", "nobody-secret"), ("nobody", ""), ("../load", "load-secret")],
)
async def test_wrong_credentials_are_refused(shop: Shop, client_id: str, secret: str) -> None:
    answer = await shop.client.post("/api/auth/service-tokens", {"clientId": client_id, "clientSecret": secret})
    assert code_of(answer, 401) == "invalid_client"


async def test_bulk_tokens_work_and_are_on_record(shop: Shop) -> None:
    answer = await bulk(shop, {"subjects": ["syn_load-a-00001", "syn_b"], "ttlSeconds": 600})
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    tokens = answer.json()["tokens"]
    assert [token["subject"] for token in tokens] == ["syn_load-a-00001", "syn_b"]
    known = (await shop.validate(tokens[1]["accessToken"])).json()
    assert (known["subject"], known["scopes"], known["expiresAt"]) == ("syn_b", ["shop"], "2030-01-01T00:10:00Z")
    ((by, reason, subjects, count, ttl, correlation),) = shop.rows(
        "SELECT requested_by, reason, subjects, token_count, ttl_seconds, correlation_id FROM token_audit"
    )
    assert (by, reason, count, ttl, correlation) == ("svc_load", "load test", 2, 600, "cor_bulk")
    assert json.loads(subjects) == ["syn_load-a-00001", "syn_b"]


async def test_a_thousand_subjects_can_be_made_up(shop: Shop) -> None:
    tokens = (await bulk(shop, {"count": 1000, "prefix": "syn_rush"})).json()["tokens"]
    assert len({token["accessToken"] for token in tokens}) == 1000
    assert (tokens[0]["subject"], tokens[-1]["subject"]) == ("syn_rush_0000", "syn_rush_0999")


async def test_tokens_that_cannot_be_recorded_are_not_given(shop: Shop) -> None:
    shop.rows("DROP TABLE token_audit")
    answer = await bulk(shop, {"count": 1})
    assert code_of(answer, 500) == "internal_error"
    assert b"accessToken" not in answer.body


async def test_bulk_tokens_are_off_unless_the_platform_wants_them(shop: Shop) -> None:
    app = create(shop.settings.model_copy(update={"auth_bulk_tokens": False}), clock=shop.clock)
    async with asgi_client(app) as client:
        answer = await client.post("/internal/auth/tokens:bulk", {"count": 1, "reason": "why not"})
    assert Settings(mysql=shop.settings.mysql, redis=shop.settings.redis).auth_bulk_tokens is False
    assert code_of(answer, 404) == "route_not_found"


async def test_nobody_who_signed_up_can_be_impersonated(shop: Shop) -> None:
    user_id = (await shop.sign_up()).json()["userId"]
    for subject in (user_id, "usr_a", "syn_", "xsyn_a", "syn_a\n"):
        assert code_of(await bulk(shop, {"subjects": [subject]}), 422) == "invalid_request"
    assert not user_id.startswith("syn_")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"count": 1, "subjects": ["syn_a"]},
        {"count": 1001},
        {"count": 0},
        {"subjects": []},
        {"subjects": ["syn_a"] * 1001},
        {"subjects": ["svc_gateway"]},
        {"count": 1, "prefix": "svc_gateway"},
        {"subjects": ["syn_a\n"]},
        {"count": 1, "ttlSeconds": 3601},
        {"count": 1, "reason": " "},
        {"count": "many"},
    ],
)
async def test_unreasonable_bulk_requests_are_refused(shop: Shop, body: dict[str, Any]) -> None:
    assert code_of(await bulk(shop, body), 422) == "invalid_request"
    assert shop.rows("SELECT COUNT(*) FROM token_audit") == [(0,)]


async def test_only_staff_makes_tokens(shop: Shop) -> None:
    assert code_of(await bulk(shop, {"count": 1}, client="order"), 403) == "insufficient_scope"
    shopper = bearer((await shop.session())["accessToken"])
    answer = await shop.client.post("/internal/auth/tokens:bulk", {"count": 1, "reason": "why not"}, headers=shopper)
    assert code_of(answer, 403) == "insufficient_scope"


async def test_logging_out_one_bulk_token_leaves_the_others(shop: Shop) -> None:
    one, other = (await bulk(shop, {"count": 2, "ttlSeconds": 3600})).json()["tokens"]
    sid = (await shop.validate(one["accessToken"])).json()["sessionId"]
    answer = await shop.client.post("/api/auth/logout", headers=bearer(one["accessToken"]))
    assert answer.status == 204
    assert await shop.redis.ttl(f"revoked:{sid}") > 3600
    assert await shop.redis.keys("revoked:*") == [f"revoked:{sid}".encode()]
    assert (await shop.validate(other["accessToken"])).status == 200


async def test_a_rotated_key_signs_and_the_old_one_is_still_believed(shop: Shop) -> None:
    before = await shop.session()
    write_key(shop.settings.auth_signing_keys_dir, "2030-02-01")
    await upkeep.reload(shop.deps)
    shop.clock.advance(600)
    after = (await shop.log_in()).json()
    for path in ("/api/auth/.well-known/jwks.json", "/.well-known/jwks.json"):
        answer = await shop.client.get(path)
        published = keys_of(answer.json())
        assert set(published) == {"2030-01-01", "2030-02-01"}
        assert answer.headers["cache-control"] == "public, max-age=300"
    assert (await shop.validate(before["accessToken"])).status == 200
    assert (await shop.validate(after["accessToken"])).status == 200
    without_old = TokenVerifier(_Only(published, "2030-02-01"), clock=shop.clock)
    assert (await without_old.verify(after["accessToken"])).kind == "user"


class _Only:
    def __init__(self, keys: Any, kid: str) -> None:
        self._keys = {kid: keys[kid]}

    async def key(self, kid: str) -> Any:
        return self._keys.get(kid)


async def test_broken_secrets_leave_the_working_ones_in_place(shop: Shop) -> None:
    (shop.settings.auth_signing_keys_dir / "2031-01-01.pem").write_text("not a key")
    await upkeep.reload(shop.deps)
    assert (await shop.session())["accessToken"]
    (shop.settings.auth_signing_keys_dir / "2031-01-01.pem").unlink()
    (shop.settings.auth_clients_dir / "new").write_text("{")
    await upkeep.reload(shop.deps)
    assert await shop.service_token("load")


async def test_a_new_client_is_taken_in_without_a_restart(shop: Shop) -> None:
    content = {"secretHash": hash_of("payment-secret"), "scopes": ["orders:read-any"]}
    (shop.settings.auth_clients_dir / "payment").write_text(json.dumps(content))
    await upkeep.reload(shop.deps)
    assert await shop.service_token("payment")


async def test_with_redis_away_a_logout_says_that_it_must_be_repeated(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = await shop.session()

    async def away(*_: object) -> None:
        raise RevocationUnavailable("away")

    monkeypatch.setattr(shop.deps.revocations, "publish", away)
    answer = await shop.client.post("/api/auth/logout", headers=bearer(tokens["accessToken"]))
    assert code_of(answer, 503) == "revocation_unavailable"
    assert answer.headers["retry-after"]
    assert code_of(await shop.refresh(tokens["refreshToken"]), 401) == "session_revoked"
