"""The rules of addresses and refresh tokens, without any store."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from amazonlite.auth.domain import (
    REFRESH_GRACE,
    REFRESH_TTL,
    SESSION_TTL,
    EmailInvalid,
    RefreshTokenExpired,
    Session,
    SessionRevoked,
    hash_of,
    judge,
    new_refresh_token,
    normalised_email,
    successor_of,
)
from amazonlite.common.testing.fakes import NEW_YEAR

NOW = NEW_YEAR
SESSION = Session("ses_1", "usr_1", NOW + SESSION_TTL)
_, TOKEN = new_refresh_token(SESSION, NOW)
USED = replace(TOKEN, used_at=NOW)
_, SUCCESSOR = new_refresh_token(SESSION, NOW)


@pytest.mark.parametrize(
    ("text", "mailbox"),
    [
        ("Ann@Example.org", "ann@example.org"),
        (" ann+shop@example.org ", "ann+shop@example.org"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("ann@example.org", "ann@example.org"),
        ('"a@b"@example.org', None),
        ("ann", None),
        ("@example.org", None),
        ("ann@example", None),
        ("ann @example.org", None),
        ("ann@example.org\n.evil", None),
        ("a" * 65 + "@example.org", None),
        ("ann@" + "a" * 64 + ".org", None),
        ("", None),
    ],
)
def test_a_mailbox_has_one_spelling(text: str, mailbox: str | None) -> None:
    if mailbox is None:
        with pytest.raises(EmailInvalid):
            normalised_email(text)
    else:
        assert normalised_email(text) == mailbox


def test_a_fresh_token_rotates() -> None:
    assert judge(TOKEN, None, SESSION, NOW) == "rotate"


def test_a_second_use_within_the_grace_repeats_the_answer() -> None:
    assert judge(USED, SUCCESSOR, SESSION, NOW + REFRESH_GRACE) == "repeat"


@pytest.mark.parametrize(
    ("successor", "after"),
    [
        (SUCCESSOR, REFRESH_GRACE + timedelta(microseconds=1)),
        (replace(SUCCESSOR, used_at=NOW), timedelta(0)),
        (None, timedelta(0)),
        (SUCCESSOR, REFRESH_TTL * 2),
    ],
)
def test_any_other_second_use_is_reuse(successor: object, after: timedelta) -> None:
    assert judge(USED, successor, SESSION, NOW + after) == "reused"  # type: ignore[arg-type]


def test_time_runs_out_for_token_and_session() -> None:
    with pytest.raises(RefreshTokenExpired):
        judge(TOKEN, None, SESSION, NOW + REFRESH_TTL)
    with pytest.raises(RefreshTokenExpired):
        judge(TOKEN, None, replace(SESSION, expires_at=NOW), NOW)


def test_a_revoked_session_answers_nothing_else() -> None:
    for token in (TOKEN, USED):
        with pytest.raises(SessionRevoked):
            judge(token, SUCCESSOR, replace(SESSION, revoked_at=NOW), NOW)


def test_a_token_never_outlives_its_session() -> None:
    late = NOW + SESSION_TTL - timedelta(days=1)
    assert new_refresh_token(SESSION, late)[1].expires_at == SESSION.expires_at


def test_the_successor_is_one_and_needs_token_and_salt() -> None:
    assert successor_of("rt_a", b"1") == successor_of("rt_a", b"1")
    assert len({successor_of("rt_a", b"1"), successor_of("rt_a", b"2"), successor_of("rt_b", b"1")}) == 3


def test_only_the_hash_of_a_token_is_kept() -> None:
    value, stored = new_refresh_token(SESSION, NOW)
    assert stored.token_hash == hash_of(value)
    assert value not in repr(stored)
