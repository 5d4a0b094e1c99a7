from __future__ import annotations

from amazonlite_operator.kube.heartbeat import DEAF_AFTER, Heartbeat


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def heartbeat(time: Time) -> Heartbeat:
    return Heartbeat(None, namespace="ns", pod="pod", monotonic=time)  # type: ignore[arg-type]


def test_a_heartbeat_not_seen_is_deafness() -> None:
    time = Time()
    beating = heartbeat(time)
    time.now = DEAF_AFTER
    assert beating.deaf == ""
    time.now += 1
    assert "heartbeat not seen" in beating.deaf
    beating.heard()
    assert beating.deaf == ""


def test_a_change_found_by_listing_but_never_watched_is_deafness_too() -> None:
    time = Time()
    beating = heartbeat(time)
    beating.compare({"a": 2, "b": 1}, {"a": 1, "b": 1})
    time.now = DEAF_AFTER + 1
    beating.heard()
    beating.compare({"a": 2, "b": 1}, {"a": 1, "b": 1})
    assert beating.deaf == "changes not seen through the watch: a"
    beating.compare({"a": 2, "b": 1}, {"a": 2, "b": 1})
    assert beating.deaf == ""
