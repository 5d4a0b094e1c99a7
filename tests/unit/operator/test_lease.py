from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from amazonlite_operator.kube.api import REQUEST_SECONDS
from amazonlite_operator.kube.lease import (
    DURATION,
    FOLLOW_EVERY,
    RENEW_DEADLINE,
    RENEW_EVERY,
    RETRY_EVERY,
    LeadershipLost,
    Lease,
)
from support.fake_cluster import FakeCluster, Manifest

PATH = "/apis/coordination.k8s.io/v1/namespaces/ns/leases/amazonlite-operator"


class Time:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class LeaseCluster(FakeCluster):
    def __init__(self) -> None:
        super().__init__(lambda: datetime.now(UTC))

    async def replace(self, path: str, body: Manifest) -> Manifest:
        return await self.merge(path, {"metadata": body["metadata"], "spec": body["spec"]})


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def cluster() -> LeaseCluster:
    return LeaseCluster()


def lease(cluster: LeaseCluster, time: Time, identity: str) -> Lease:
    return Lease(cluster, namespace="ns", name="amazonlite-operator", identity=identity, monotonic=time)  # type: ignore[arg-type]


async def test_the_first_to_ask_leads(cluster: LeaseCluster, time: Time) -> None:
    a, b = lease(cluster, time, "a"), lease(cluster, time, "b")
    await a.attempt()
    await b.attempt()
    assert a.leads and not b.leads
    with pytest.raises(LeadershipLost):
        b.fence()


async def test_another_takes_over_only_after_a_whole_silent_duration_and_with_a_higher_number(
    cluster: LeaseCluster, time: Time
) -> None:
    a, b = lease(cluster, time, "a"), lease(cluster, time, "b")
    await a.attempt()
    first = a.fence()
    await b.attempt()
    time.now += DURATION - 0.1
    await b.attempt()
    assert not b.leads
    time.now += 0.2
    await b.attempt()
    assert b.fence() == first + 1


async def test_a_leader_stops_by_its_own_clock_before_another_may_begin(cluster: LeaseCluster, time: Time) -> None:
    a = lease(cluster, time, "a")
    await a.attempt()
    time.now += RENEW_DEADLINE - 0.1
    assert a.leads
    time.now += 0.2
    assert not a.leads
    assert RENEW_DEADLINE + REQUEST_SECONDS < DURATION  # the longest request ends before the next leader begins


async def test_renewing_keeps_the_number(cluster: LeaseCluster, time: Time) -> None:
    a = lease(cluster, time, "a")
    await a.attempt()
    first = a.fence()
    time.now += 5
    await a.attempt()
    assert a.fence() == first


async def test_a_second_life_of_the_same_pod_has_a_higher_number(cluster: LeaseCluster, time: Time) -> None:
    a, again = lease(cluster, time, "a"), lease(cluster, time, "a")
    await a.attempt()
    await again.attempt()
    assert again.fence() == a.fence() + 1


async def test_a_released_lease_is_taken_at_once(cluster: LeaseCluster, time: Time) -> None:
    a, b = lease(cluster, time, "a"), lease(cluster, time, "b")
    await a.attempt()
    await b.attempt()
    await a.release()
    await b.attempt()
    assert b.leads and not a.leads


async def test_a_deleted_lease_does_not_begin_again_at_zero(cluster: LeaseCluster, time: Time) -> None:
    a = lease(cluster, time, "a")
    await a.attempt()
    assert cluster.objects.pop(PATH)["spec"]["leaseTransitions"] > 10_000_000


async def test_stepping_back_ends_leadership_at_once(cluster: LeaseCluster, time: Time) -> None:
    a = lease(cluster, time, "a")
    await a.attempt()
    a.step_back()
    await a.lost()
    assert not a.leads


class SlowCluster(LeaseCluster):
    """Answers a read only when the test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = asyncio.Event()
        self.answers.set()

    async def get(self, path: str) -> Manifest | None:
        await self.answers.wait()
        return await super().get(path)


async def test_leadership_that_lapses_and_is_regained_within_one_request_is_announced(time: Time) -> None:
    cluster = SlowCluster()
    a = lease(cluster, time, "a")
    await a.attempt()
    time.now += RENEW_DEADLINE - 1
    cluster.answers.clear()
    renewing = asyncio.create_task(a.attempt())
    await asyncio.sleep(0)
    time.now += 2
    await a.lost()  # the API server is silent past the deadline: the workers stop
    leads_again = asyncio.create_task(a.leadership_changed())
    await asyncio.sleep(0)
    cluster.answers.set()
    await renewing
    assert a.leads
    async with asyncio.timeout(1):
        await leads_again


async def test_a_fence_below_what_the_shop_has_seen_is_gone_above(cluster: LeaseCluster, time: Time) -> None:
    """etcd was restored from an old backup: the Lease holds a number that the shop has seen long ago."""
    a = lease(cluster, time, "a")
    await a.attempt()
    seen = a.fence() + 500
    a.step_back(seen)
    assert not a.leads
    await a.attempt()
    assert a.fence() == seen + 1
    await a.attempt()
    assert a.fence() == seen + 1


async def test_a_refused_replica_does_not_take_the_lease_of_a_living_leader(cluster: LeaseCluster, time: Time) -> None:
    a, b = lease(cluster, time, "a"), lease(cluster, time, "b")
    await a.attempt()
    await b.attempt()
    b.step_back(a.fence() + 500)
    await b.attempt()
    assert a.leads and not b.leads


async def test_no_number_ever_goes_down(cluster: LeaseCluster, time: Time) -> None:
    a = lease(cluster, time, "a")
    await a.attempt()
    first = a.fence()
    a.step_back(first - 10)
    await a.attempt()
    assert a.fence() == first


async def test_leadership_regained_under_another_number_ends_what_the_old_one_did(
    cluster: LeaseCluster, time: Time
) -> None:
    """The process stood still: another led meanwhile, and this one leads again before anything here ran."""
    a, b = lease(cluster, time, "a"), lease(cluster, time, "b")
    await a.attempt()
    await b.attempt()
    lost = asyncio.create_task(a.lost())
    await asyncio.sleep(0)
    time.now += DURATION + 1
    await b.attempt()
    await b.release()
    await a.attempt()
    assert a.leads
    async with asyncio.timeout(1):
        await lost


async def test_renewing_announces_nothing(cluster: LeaseCluster, time: Time) -> None:
    a = lease(cluster, time, "a")
    await a.attempt()
    turn = asyncio.create_task(a.leadership_changed())
    for _ in range(5):
        time.now += 2
        await a.attempt()
        await asyncio.sleep(0)
    assert not turn.done()
    turn.cancel()


async def takeover(cluster: LeaseCluster, time: Time, looks_after: float) -> float:
    """Seconds from a leader's last renewal, and standstill, to the next leader; the follower looks a moment later."""
    a, b = lease(cluster, time, "a"), lease(cluster, time, "b")
    await a.attempt()
    await b.attempt()
    time.now += 0.001
    await a.attempt()  # renewed, and stopped at once
    stopped = time.now
    time.now += looks_after
    while not b.leads:
        await b.attempt()
        time.now += 0 if b.leads else b.pause
    return time.now - stopped


@pytest.mark.parametrize("looks_after", [0.0, 0.3, 0.999])
async def test_a_leader_that_stands_still_is_replaced_within_a_look_and_the_duration(
    cluster: LeaseCluster, time: Time, looks_after: float
) -> None:
    assert DURATION <= await takeover(cluster, time, looks_after) <= DURATION + FOLLOW_EVERY + 0.1


def test_a_takeover_has_two_seconds_left_for_its_requests_within_fifteen() -> None:
    assert DURATION + FOLLOW_EVERY + 2 <= 15


async def test_a_leader_whose_renewal_fails_tries_again_before_its_deadline(time: Time) -> None:
    assert RENEW_EVERY + REQUEST_SECONDS + RETRY_EVERY < RENEW_DEADLINE
