"""One account per mailbox; a wrong password and an unknown address cannot be told apart, nor guessed at forever."""

from __future__ import annotations

import asyncio
from statistics import median
from time import perf_counter

import pytest

from amazonlite.auth import login
from amazonlite.common.security.passwords import Passwords
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


OWNER, STRANGER = "198.51.100.1", "203.0.113.66"


def device(answer: Answer) -> str:
    """The cookie as a browser sends it back."""
    assert answer.status == 200
    return answer.headers["set-cookie"].partition(";")[0]


async def test_a_strangers_guesses_lock_the_stranger_out_and_not_the_owner(shop: Shop) -> None:
    await shop.sign_up()
    for _ in range(10):
        assert (await shop.log_in(password="wrong horse", address=STRANGER)).status == 401
    assert (await shop.log_in(address=STRANGER)).status == 429
    assert (await shop.log_in(address=OWNER)).status == 200


async def test_ipv6_guesses_count_by_the_network(shop: Shop) -> None:
    await shop.sign_up()
    for number in range(10):
        await shop.log_in(password="wrong horse", address=f"2001:db8:0:1::{number}")
    assert (await shop.log_in(address="2001:db8:0:1:ffff::1")).status == 429
    assert (await shop.log_in(address="2001:db8:0:2::1")).status == 200


async def test_a_known_device_gets_in_when_strangers_of_all_networks_are_locked_out(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login, "MOST_FAILURES_OF_STRANGERS", 12)
    await shop.sign_up()
    known = device(await shop.log_in(address=OWNER))
    for number in range(12):
        assert (await shop.log_in(password="wrong horse", address=f"203.0.113.{number}")).status == 401
    assert (await shop.log_in(address=OWNER)).status == 429
    assert (await shop.log_in(address=STRANGER, cookie=known)).status == 200


async def test_a_stolen_cookie_is_worth_ten_guesses_and_locks_nobody_else_out(shop: Shop) -> None:
    await shop.sign_up()
    stolen = device(await shop.log_in(address=OWNER))
    other = device(await shop.log_in(address=OWNER))
    for number in range(10):
        answer = await shop.log_in(password="wrong horse", address=f"203.0.113.{number}", cookie=stolen)
        assert answer.status == 401
    assert (await shop.log_in(cookie=stolen)).status == 429
    assert (await shop.log_in(cookie=other)).status == 200
    assert (await shop.log_in(address=OWNER)).status == 200


async def test_a_cookie_of_another_account_an_old_one_or_no_cookie_of_ours_makes_a_stranger(shop: Shop) -> None:
    await shop.sign_up()
    await shop.sign_up("eve@example.org")
    ann, eve = device(await shop.log_in()), device(await shop.log_in("eve@example.org"))
    token = (await shop.log_in()).json()["accessToken"]
    for _ in range(10):
        await shop.log_in(password="wrong horse")
    for cookie in (eve, ann[:-4] + "AAAA", f"device={token}", "device=x", "device=" + "x" * 3000):
        assert (await shop.log_in(cookie=cookie)).status == 429, cookie[:30]
    shop.clock.advance(180 * 24 * 3600)
    for _ in range(10):
        await shop.log_in(password="wrong horse")
    assert (await shop.log_in(cookie=ann)).status == 429


async def test_the_device_cookie_is_kept_from_scripts_and_other_sites_and_is_no_token(shop: Shop) -> None:
    await shop.sign_up()
    answer = await shop.log_in()
    attributes = set(answer.headers["set-cookie"].lower().split("; ")[1:])
    assert {"httponly", "samesite=strict", "path=/api/auth", "max-age=15552000"} <= attributes
    value = device(answer).partition("=")[2]
    assert code_of(await shop.validate(value), 401) == "token_malformed"


async def test_a_login_is_no_guess(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "MOST_FAILURES_OF_STRANGERS", 3)
    await shop.sign_up()
    for number in range(5):
        assert (await shop.log_in(address=f"203.0.113.{number}")).status == 200


async def test_while_hashing_never_ends_the_service_is_ready_validates_and_refuses_what_is_too_much(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = await shop.session()
    never = asyncio.Event()

    async def forever(*_: object) -> bool:
        return await never.wait()

    monkeypatch.setattr(Passwords, "verify", forever)
    crowd = [asyncio.create_task(shop.log_in(address=STRANGER)) for _ in range(700)]
    refused = 0
    async with asyncio.timeout(20):
        for finished in asyncio.as_completed(crowd):
            assert code_of(await finished, 503) == "sign_in_busy"
            refused += 1
            if refused == 700 - 3 - 10:
                break
        assert (await shop.client.get("/readyz")).status == 200
        assert (await shop.validate(tokens["accessToken"])).status == 200
        assert (await shop.refresh(tokens["refreshToken"])).status == 200
    never.set()
    answers = [await one for one in crowd]
    assert [answer.status for answer in answers].count(200) == 13


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
