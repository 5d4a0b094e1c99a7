from __future__ import annotations

from amazonlite.common.core.errors import Conflict, DomainError, TooManyRequests, Unavailable


class InsufficientStock(Conflict):
    code = "insufficient_stock"
    title = "Insufficient stock"


def test_an_error_carries_what_a_problem_body_needs() -> None:
    error = InsufficientStock("3 wanted, 2 left", next_step="Order fewer.", available=2)
    assert isinstance(error, DomainError)
    assert (error.code, error.status, error.detail) == ("insufficient_stock", 409, "3 wanted, 2 left")
    assert error.extra == {"available": 2}
    assert str(error) == "3 wanted, 2 left"


def test_retry_after_is_rounded_up_to_whole_seconds() -> None:
    assert Unavailable("away").headers == {"Retry-After": "1"}
    assert TooManyRequests("slow down", retry_after=2.1).headers == {"Retry-After": "3"}
    assert Unavailable("away", headers={"X": "y"}).headers == {"Retry-After": "1", "X": "y"}
