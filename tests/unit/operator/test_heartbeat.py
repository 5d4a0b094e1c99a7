from __future__ import annotations

from typing import Any

import pytest

from amazonlite_operator.kube.api import ApiServerAway
from amazonlite_operator.kube.heartbeat import BEAT_EVERY, DEAF_AFTER, Heartbeat


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Api:
    """An API server that takes heartbeats, or is away."""

    away = False

    async def merge(self, path: str, patch: dict[str, Any]) -> dict[str, Any]:
        if self.away:
            raise ApiServerAway("gone")
        return {}


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def beating(api: Api, time: Time) -> Heartbeat:
    return Heartbeat(api, namespace="ns", pod="pod", monotonic=time)  # type: ignore[arg-type]


async def beat_for(seconds: float, beating: Heartbeat, time: Time) -> None:
    for _ in range(int(seconds / BEAT_EVERY)):
        await beating.beat()
        time.now += BEAT_EVERY


async def test_a_heartbeat_not_seen_is_deafness(beating: Heartbeat, time: Time) -> None:
    await beat_for(DEAF_AFTER, beating, time)
    assert beating.deaf == ""
    time.now += 1
    assert "heartbeat not seen" in beating.deaf
    beating.heard()
    assert beating.deaf == ""


async def test_an_api_server_that_is_away_for_hours_is_no_deafness(beating: Heartbeat, api: Api, time: Time) -> None:
    await beat_for(60, beating, time)
    api.away = True
    await beat_for(7200, beating, time)
    assert beating.deaf == ""


async def test_the_watch_has_its_time_again_once_the_api_server_is_back(
    beating: Heartbeat, api: Api, time: Time
) -> None:
    api.away = True
    await beat_for(600, beating, time)
    api.away = False
    await beat_for(DEAF_AFTER, beating, time)
    assert beating.deaf == ""
    await beat_for(60, beating, time)
    assert "heartbeat not seen" in beating.deaf


async def test_a_change_found_by_listing_but_never_watched_is_deafness_too(beating: Heartbeat, time: Time) -> None:
    beating.compare("flashsales", {"a": 2, "b": 1}, {"a": 1, "b": 1})
    time.now = DEAF_AFTER + 1
    beating.compare("flashsales", {"a": 2, "b": 1}, {"a": 1, "b": 1})
    assert beating.deaf == "changes not seen through the watch: flashsales a"
    beating.compare("flashsales", {"a": 2, "b": 1}, {"a": 2, "b": 1})
    assert beating.deaf == ""


async def test_a_deaf_watch_of_one_kind_is_noticed_beside_another_kind_that_hears(
    beating: Heartbeat, time: Time
) -> None:
    beating.compare("flashsales", {"a": 2}, {"a": 1})
    beating.compare("reindexjobs", {"b": 1}, {"b": 1})
    time.now = DEAF_AFTER + 1
    beating.compare("flashsales", {"a": 2}, {"a": 1})
    beating.compare("reindexjobs", {"b": 1}, {"b": 1})
    assert beating.deaf == "changes not seen through the watch: flashsales a"


async def test_what_could_not_be_listed_meanwhile_is_no_deafness(beating: Heartbeat, time: Time) -> None:
    beating.compare("flashsales", {"a": 2}, {"a": 1})
    time.now = 3600
    assert beating.deaf == ""
    beating.not_compared("flashsales")
    beating.compare("flashsales", {"a": 2}, {"a": 1})
    assert beating.deaf == ""
