from __future__ import annotations

from amazonlite_operator.flash_sale.spec import Target
from amazonlite_operator.kind.deployments import Replicas
from amazonlite_operator.kind.replica_floors import ReplicaFloor, incomplete, remember, restored

TARGET = Target(deployment="inventory", replicas=5)


def floor(original: int, raised: int) -> ReplicaFloor:
    return ReplicaFloor(deployment="inventory", original=original, raised=raised)


def running(replicas: int) -> Replicas:
    return Replicas(replicas, replicas)


def test_a_floor_is_never_below_what_runs() -> None:
    assert remember([TARGET], [], {"inventory": running(8)}, []) == [floor(8, 8)]
    assert remember([TARGET], [], {"inventory": running(2)}, []) == [floor(2, 5)]


def test_what_another_sale_raised_is_not_taken_for_the_original() -> None:
    assert remember([TARGET], [], {"inventory": running(4)}, [floor(2, 4)]) == [floor(2, 5)]


def test_a_bigger_wish_keeps_the_original() -> None:
    assert remember([TARGET], [floor(2, 3)], {"inventory": running(3)}, []) == [floor(2, 5)]


def test_floors_are_incomplete_until_every_target_has_one_that_is_high_enough() -> None:
    assert incomplete([TARGET], [])
    assert incomplete([TARGET], [floor(2, 4)])
    assert not incomplete([TARGET], [floor(2, 5)])


def test_the_last_sale_puts_the_original_back() -> None:
    assert restored(floor(2, 5), running(5), []) == 2


def test_an_earlier_sale_leaves_what_another_still_needs() -> None:
    assert restored(floor(2, 5), running(5), [floor(2, 4)]) == 4
    assert restored(floor(2, 5), running(5), [floor(2, 5)]) is None


def test_what_somebody_else_scaled_is_left_alone() -> None:
    assert restored(floor(2, 5), running(7), []) is None
