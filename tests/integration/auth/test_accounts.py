"""One account per mailbox; a wrong password and an unknown address cannot be told apart, nor guessed at forever."""

from __future__ import annotations

import asyncio
from statistics import median
from time import perf_counter

import pytest

from amazonlite.common.testing.asgi import Answer

from .conftest import PASSWORD, Shop

pytestmark = pytest.mark.stores


def code_of(answer: Answer, status: int) -> str:
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    return str(answer.json()["code"])


async def test_who_signed_up_can_log_in_and_is_known(shop: Shop) -> None:
    signed_up = await shop.sign_up()
    assert signed_up.status == 201
    tokens = (await shop.log_in("  ANN@Example.ORG ")).json()
    assert (tokens["tokenType"], tokens["expiresIn"]) == ("Bearer", 900)
    known = (await shop.validate(tokens["accessToken"])).json()
    assert known["subject"] == signed_up.json()["userId"]
    assert (known["scopes"], known["kind"]) == (["shop"], "user")
    assert known["expiresAt"] == "2030-01-01T00:15:00Z"


async def test_an_address_is_taken_once_however_it_is_spelled(shop: Shop) -> None:
    await shop.sign_up("ann@example.org")
    assert code_of(await shop.sign_up("Ann@EXAMPLE.org"), 409) == "email_taken"


async def test_of_sign_ups_at_once_one_wins(shop: Shop) -> None:
    answers = await asyncio.gather(*(shop.sign_up() for _ in range(8)))
    assert sorted(answer.status for answer in answers) == [201] + [409] * 7
    assert shop.rows("SELECT COUNT(*) FROM user") == [(1,)]


async def test_passwords_are_stored_as_argon2id(shop: Shop) -> None:
    await shop.sign_up()
    ((stored,),) = shop.rows("SELECT password_hash FROM user")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_wrong_password_and_unknown_address_are_one_answer(shop: Shop) -> None:
    await shop.sign_up()
    wrong = await shop.log_in(password="wrong horse")
    unknown = await shop.log_in("bob@example.org")
    assert code_of(wrong, 401) == code_of(unknown, 401) == "invalid_credentials"
    assert wrong.json()["detail"] == unknown.json()["detail"]


async def test_an_unknown_address_takes_as_long_as_a_wrong_password(shop: Shop) -> None:
    await shop.sign_up()
    await shop.log_in("nobody@example.org")  # the comparison hash is made at first use

    async def seconds(email: str) -> float:
        started = perf_counter()
        await shop.log_in(email, "wrong horse")
        return perf_counter() - started

    known, unknown = [], []
    for _ in range(7):
        known.append(await seconds("ann@example.org"))
        unknown.append(await seconds("nobody@example.org"))
    assert 0.5 < median(known) / median(unknown) < 2


@pytest.mark.parametrize("email", ["ann@example.org", "nobody@example.org"])
async def test_guesses_are_throttled_per_account_until_the_window_ends(shop: Shop, email: str) -> None:
    await shop.sign_up("ann@example.org")
    await shop.sign_up("bob@example.org")
    for _ in range(10):
        assert (await shop.log_in(email, "wrong horse")).status == 401
    shop.clock.advance(60)
    throttled = await shop.log_in(email)
    assert code_of(throttled, 429) == "too_many_login_failures"
    assert throttled.headers["retry-after"] == "840"
    assert (await shop.log_in("bob@example.org")).status == 200
    shop.clock.advance(841)
    assert (await shop.log_in(email)).status in (200, 401)


async def test_guesses_at_once_do_not_slip_past_the_throttle(shop: Shop) -> None:
    await shop.sign_up()
    answers = await asyncio.gather(*(shop.log_in(password=f"wrong {number}") for number in range(25)))
    assert [answer.status for answer in answers].count(401) == 10
    assert (await shop.log_in()).status == 429


async def test_a_login_forgives_earlier_failures(shop: Shop) -> None:
    await shop.sign_up()
    for _ in range(3):
        for _ in range(6):
            await shop.log_in(password="wrong horse")
        assert (await shop.log_in()).status == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"email": "ann", "password": PASSWORD, "name": "Ann"}, "email_invalid"),
        ({"email": "ann@localhost", "password": PASSWORD, "name": "Ann"}, "email_invalid"),
        ({"email": "a" * 65 + "@example.org", "password": PASSWORD, "name": "Ann"}, "email_invalid"),
        ({"email": "ann@example..org", "password": PASSWORD, "name": "Ann"}, "email_invalid"),
        ({"email": "a\u0000@example.org", "password": PASSWORD, "name": "Ann"}, "email_invalid"),
        ({"email": "a\ud800@example.org", "password": PASSWORD, "name": "Ann"}, "invalid_request"),
        ({"email": "ann@example.org", "password": "short", "name": "Ann"}, "invalid_request"),
        ({"email": "ann@example.org", "password": PASSWORD, "name": " "}, "invalid_request"),
        ({"email": "ann@example.org", "password": PASSWORD}, "invalid_request"),
    ],
)
async def test_what_is_no_account_is_refused(shop: Shop, body: dict[str, str], code: str) -> None:
    assert code_of(await shop.client.post("/api/auth/signup", body), 422) == code
