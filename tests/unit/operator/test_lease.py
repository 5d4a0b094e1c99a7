from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from amazonlite_operator.kube.lease import DURATION, RENEW_DEADLINE, LeadershipLost, Lease
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
    assert RENEW_DEADLINE + 4.0 < DURATION  # the longest request ends before the next leader begins


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
    leads_again = asyncio.create_task(a.turn())
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
