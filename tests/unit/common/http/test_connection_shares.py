"""A network has its share of the connections, and whoever waits longest makes room."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import count

import pytest

from amazonlite.common.http.connection_shares import Shares


class Door:
    """Opens connections; those that were closed for others are in `closed`."""

    def __init__(self, **bounds: int) -> None:
        self.shares = Shares(**bounds)
        self.closed: list[One] = []
        self.clock = count(1)

    def opens(self, network: str, *, limited: bool = True) -> One | None:
        one = One(self, network)
        return one if self.shares.admit(one, limited=limited) else None

    def crowd(self, network: str, number: int) -> list[One]:
        return [one for _ in range(number) if (one := self.opens(network))]


class One:
    def __init__(self, door: Door, network: str) -> None:
        self.network = network
        self.since: float | None = next(door.clock)
        self._door = door

    def waiting_since(self) -> float | None:
        return self.since

    def make_room(self) -> None:
        self._door.closed.append(self)

    def works(self) -> One:
        self.since = None
        return self


@pytest.fixture
def door() -> Iterator[Door]:
    return Door(most=8, most_each=4)


def test_a_network_whose_requests_take_its_whole_share_gets_no_more_and_others_do(door: Door) -> None:
    for one in door.crowd("a", 4):
        one.works()
    assert door.opens("a") is None
    assert len(door.crowd("b", 4)) == 4
    assert not door.closed


def test_at_its_share_a_network_loses_its_own_oldest(door: Door) -> None:
    other = door.opens("b")
    first, *_ = door.crowd("a", 4)
    assert door.opens("a")
    assert door.closed == [first]
    assert other not in door.closed


def test_when_all_are_taken_the_oldest_of_anyone_goes(door: Door) -> None:
    busy, oldest, *_ = door.crowd("a", 4)
    busy.works()
    door.crowd("b", 4)
    assert door.opens("c")
    assert door.closed == [oldest]


def test_when_everyone_works_a_newcomer_is_refused_until_one_leaves(door: Door) -> None:
    working = [one.works() for network in "ab" for one in door.crowd(network, 4)]
    assert door.opens("c") is None
    door.shares.leave(working[0])
    assert door.opens("c")


def test_leaving_twice_frees_one_place(door: Door) -> None:
    one, *rest = [one.works() for network in "ab" for one in door.crowd(network, 4)]
    door.shares.leave(one)
    door.shares.leave(one)
    assert door.opens("c")
    rest.append(one)
    door.shares.admit(one)
    assert len(door.closed) == 1


def test_what_has_no_share_is_bounded_by_the_total_only(door: Door) -> None:
    through = [door.opens("proxy", limited=False) for _ in range(8)]
    assert all(through)
    for one in through:
        assert one
        one.works()
    assert door.opens("proxy", limited=False) is None


def test_a_crowd_is_searched_seldom() -> None:
    """An eighth of those that wait is closed at a time, 32 at most."""
    door = Door(most=1024, most_each=1024)
    door.crowd("a", 1024)
    assert door.opens("b")
    assert len(door.closed) == 32


def test_no_more_than_the_most_are_ever_held() -> None:
    door, draw = Door(most=20, most_each=7), random.Random(5)
    held: list[One] = []
    for _ in range(5_000):
        action = draw.random()
        if action < 0.6 and (one := door.opens(draw.choice("abcde"))):
            held.append(one)
        elif action < 0.8 and held:
            draw.choice(held).works()
        elif held:
            door.shares.leave(held.pop(draw.randrange(len(held))))
        held = [one for one in held if one not in door.closed]
        assert len(held) <= 20
        assert all(sum(one.network == network for one in held) <= 7 for network in "abcde")
    assert len(door.closed) > 100
