from __future__ import annotations

import pytest
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from amazonlite.common.core.errors import Conflict
from amazonlite.common.data.errors import StoreContended, StoreUnavailable, described, translated


def raised(number: int, *, lost: bool = False) -> DBAPIError:
    return OperationalError("SELECT 1", {}, Exception(number, "…"), connection_invalidated=lost)


@pytest.mark.parametrize("number", [1205, 1213])
def test_a_deadlock_or_lock_wait_is_contention(number: int) -> None:
    assert isinstance(translated(raised(number)), StoreContended)


@pytest.mark.parametrize("error", [raised(2003), raised(2013), raised(1, lost=True), PoolTimeout()])
def test_a_lost_or_refused_connection_is_unavailable(error: Exception) -> None:
    found = translated(error)
    assert isinstance(found, StoreUnavailable)
    assert not isinstance(found, StoreContended)


@pytest.mark.parametrize("error", [raised(1064), raised(1062), ValueError()])
def test_a_faulty_statement_stays_what_it_is(error: Exception) -> None:
    assert translated(error) is None


@pytest.mark.parametrize("error", [ConnectionResetError(), FileNotFoundError(), TimeoutError()])
def test_what_no_database_raised_says_nothing_about_the_store(error: Exception) -> None:
    assert translated(error) is None


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Conflict("ada@example.com has it"), "Conflict: conflict"),
        (raised(1062), "OperationalError: 1062"),
        (ValueError("4111 1111 1111 1111"), "ValueError"),
    ],
)
def test_an_error_is_described_by_class_and_code(error: Exception, said: str) -> None:
    assert described(error) == said
