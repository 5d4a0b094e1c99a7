"""What is in flight is bounded, one network has half of it at most, and what ended makes room again."""

from contextlib import ExitStack

import pytest

from amazonlite.gateway.bounds import Bounds
from amazonlite.gateway.errors import TooBusy


def enter(bounds: Bounds, stack: ExitStack, network: str, size: int = 0) -> None:
    stack.enter_context(bounds.entered(network, size))


def test_one_network_takes_half_of_the_requests_and_others_the_rest() -> None:
    bounds = Bounds(requests=8)
    with ExitStack() as stack:
        for _ in range(4):
            enter(bounds, stack, "a")
        with pytest.raises(TooBusy) as refused:
            enter(bounds, stack, "a")
        assert refused.value.headers["Retry-After"] == "1"
        for network in "bcde":
            enter(bounds, stack, network)
        with pytest.raises(TooBusy):
            enter(bounds, stack, "f")
    with ExitStack() as stack:
        enter(bounds, stack, "a")


def test_bodies_are_bounded_by_their_size_and_requests_without_one_still_pass() -> None:
    bounds = Bounds(body_bytes=100)
    with ExitStack() as stack:
        enter(bounds, stack, "a", 50)
        with pytest.raises(TooBusy):
            enter(bounds, stack, "a", 1)
        enter(bounds, stack, "a")
        enter(bounds, stack, "b", 50)
        with pytest.raises(TooBusy):
            enter(bounds, stack, "c", 1)
    with ExitStack() as stack:
        enter(bounds, stack, "a", 50)


def test_a_failed_request_gives_its_room_back() -> None:
    bounds = Bounds(requests=2)
    for _ in range(5):
        with pytest.raises(ZeroDivisionError), bounds.entered("a", 7):
            raise ZeroDivisionError
