"""What the loop guarantees to every kind, shown with a kind that holds one number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar

import pytest
from pydantic import Field

from amazonlite.common.core.clock import iso
from amazonlite.common.testing.fakes import FakeClock
from amazonlite_operator.kind.actions import Action, Record, Wait
from amazonlite_operator.kind.decisions import Decisions
from amazonlite_operator.kind.kind import Kind
from amazonlite_operator.kind.moves import advance, conclude
from amazonlite_operator.kind.observation import Observation, Resource
from amazonlite_operator.kind.operations import Operations
from amazonlite_operator.kind.phases import IllegalTransition, PhaseTable
from amazonlite_operator.kind.reading import read
from amazonlite_operator.kind.reasons import CommonReason, reason_of
from amazonlite_operator.kind.reconcile import Reconciler
from amazonlite_operator.kind.status import TIMELINE_LENGTH, KindStatus, Outcome
from amazonlite_operator.kube.api import ApiServerAway, KubeError
from amazonlite_operator.kube.controller import Key
from amazonlite_operator.kube.crd import CustomResource
from amazonlite_operator.kube.events import EventRecorder
from amazonlite_operator.kube.lease import LeadershipLost
from amazonlite_operator.kube.reasons import ExplainedReason
from amazonlite_operator.kube.schema import Fields
from amazonlite_operator.shop.client import Refusal, Unreachable
from support.fake_cluster import FakeCluster
from support.sale_world import FakeLease

NOON = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
KEY = Key("ns", "a")


class Phase(StrEnum):
    PENDING = "Pending"
    DONE = "Done"


class Reason(ExplainedReason):
    ALL_SET = "AllSet", "The number is set."


class NumberSpec(Fields):
    number: int


class NumberStatus(KindStatus[Phase]):
    phases: ClassVar = PhaseTable({Phase.PENDING: {Phase.DONE: "the number is set"}, Phase.DONE: {}})
    phase: Phase = Field(default=Phase.PENDING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen(Observation[NumberSpec, NumberStatus]):
    number: int | None


@dataclass(frozen=True, slots=True)
class SetNumber:
    number: int | None


class Numbers(Decisions[NumberStatus, Seen, SetNumber]):
    reasons = Reason

    def plan(self, o: Seen) -> Action[NumberStatus, SetNumber]:
        if o.status.outcome is not None:
            return conclude(o, Reason)
        if o.number != o.spec.number:
            return SetNumber(o.spec.number)
        outcome = Outcome[Phase](at=o.now, phase=Phase.DONE, reason=Reason.ALL_SET, message="")
        return Record(o.status.changed(outcome=outcome))

    def release_deleted(self, o: Seen) -> Action[NumberStatus, SetNumber] | None:
        return None if o.number is None else SetNumber(None)


class World(Operations[NumberSpec, NumberStatus, Seen, SetNumber]):
    """The number, and an object that asks for one; `fault` is raised instead of, `answer` returned after an effect."""

    def __init__(self) -> None:
        self.clock = FakeClock(NOON)
        self.cluster = FakeCluster(self.clock.now)
        self.number: int | None = None
        self.fault: Exception | None = None
        self.answer: NumberStatus | Wait | None = None
        self.finalizers_seen: list[bool] = []
        self.dropped: list[str] = []
        self.order: list[str] = []
        self.lease: Any = FakeLease(7)
        resource = CustomResource("Number", "numbers", "n", "A number.", NumberSpec, NumberStatus, ())
        self.path = resource.object_path(KEY.namespace, KEY.name)
        metadata = {"name": "a", "namespace": "ns", "uid": "u-1", "generation": 1, "creationTimestamp": iso(NOON)}
        self.cluster.objects[self.path] = {
            "apiVersion": "amazonlite.dev/v1alpha1",
            "kind": "Number",
            "metadata": {**metadata, "resourceVersion": "0"},
            "spec": {"number": 3},
        }
        kind = Kind(resource, Numbers(), lambda _: self)
        recorder: Any = EventRecorder(self.cluster, self.clock, instance="test")  # type: ignore[arg-type]
        self.reconcile = Reconciler(kind, self, cluster=self.cluster, lease=self.lease, recorder=recorder)

    async def observe(self, resource: Resource[NumberSpec, NumberStatus]) -> Seen:
        return Seen(now=self.clock.now(), resource=resource, number=self.number)

    async def perform(self, effect: SetNumber, o: Seen, fence: int) -> NumberStatus | Wait | None:
        self.finalizers_seen.append(o.resource.has_finalizer)
        if self.fault is not None:
            raise self.fault
        self.number = effect.number
        return self.answer

    def export(self, key: Key, status: NumberStatus) -> None:
        self.order.append("exported")

    def drop(self, key: Key, uid: str) -> None:
        self.dropped.append(uid)

    @property
    def stored(self) -> dict[str, Any]:
        return self.cluster.objects[self.path]

    def true_condition(self) -> tuple[str, str]:
        (found,) = (c for c in self.stored["status"]["conditions"] if c["status"] == "True")
        return found["type"], found["reason"]


async def test_a_resource_goes_to_its_end_with_evidence_and_lets_go() -> None:
    world = World()
    assert await world.reconcile(KEY) is None
    status = world.stored["status"]
    assert (world.number, status["phase"], world.true_condition()) == (3, "Done", ("Ready", "AllSet"))
    assert status["evidence"]["configMap"] == "number-a-evidence-u-1"
    assert [(entry["phase"], entry["reason"]) for entry in status["timeline"]] == [
        ("Pending", "Created"),
        ("Done", "AllSet"),
    ]
    assert world.stored["metadata"]["finalizers"] == []


async def test_no_effect_comes_before_the_finalizer() -> None:
    world = World()
    await world.reconcile(KEY)
    assert world.finalizers_seen == [True]


async def test_deleting_gives_back_what_is_held_also_with_a_spec_that_nobody_can_read() -> None:
    world = World()
    world.answer = Wait(5.0, Reason.ALL_SET)
    await world.reconcile(KEY)
    world.stored["spec"] = {"number": "many"}
    world.answer = None
    await world.cluster.delete(world.path)
    await world.reconcile(KEY)
    assert (world.number, world.path in world.cluster.objects, world.dropped) == (None, False, ["u-1"])


async def test_a_wait_that_an_effect_answers_ends_the_pass() -> None:
    world = World()
    world.answer = Wait(5.0, Reason.ALL_SET, "set, and not to be seen yet")
    assert await world.reconcile(KEY) == 5.0
    assert world.true_condition() == ("Reconciling", "AllSet")


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Refusal(401, "token_invalid", "unknown client", service="product"), ("Stalled", "ShopRefuses")),
        (Refusal(409, "conflict", "it is another's"), ("Stalled", "StepRefused")),
        (KubeError(403, "no right"), ("Stalled", "ClusterRefuses")),
    ],
)
async def test_what_is_refused_stalls_and_heals(fault: Exception, expected: tuple[str, str]) -> None:
    world = World()
    world.fault = fault
    assert await world.reconcile(KEY) == 10
    assert world.true_condition() == expected
    world.fault = None
    await world.reconcile(KEY)
    assert world.true_condition() == ("Ready", "AllSet")


async def test_a_service_that_does_not_answer_is_tried_with_growing_pauses() -> None:
    world = World()
    world.fault = Unreachable("product")
    with pytest.raises(Unreachable):
        await world.reconcile(KEY)
    assert world.true_condition() == ("Reconciling", "ShopUnavailable")


async def test_an_api_server_that_does_not_answer_changes_no_status() -> None:
    world = World()
    world.fault = ApiServerAway("gone")
    with pytest.raises(ApiServerAway):
        await world.reconcile(KEY)
    assert "status" not in world.stored


async def test_a_refused_number_of_the_leader_ends_its_leadership() -> None:
    world = World()
    world.fault = Refusal(409, "stale_fence", "seen 9", {"fence": 9})
    with pytest.raises(LeadershipLost):
        await world.reconcile(KEY)
    assert (world.lease.stepped_back, world.lease.above) == (True, 9)


async def test_a_plan_that_turns_in_circles_is_stopped() -> None:
    world = World()

    async def nothing(effect: SetNumber, o: Seen, fence: int) -> None: ...

    world.perform = nothing  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="40 steps without rest"):
        await world.reconcile(KEY)


async def test_a_former_leader_remembers_nothing() -> None:
    world = World()
    await world.reconcile(KEY)
    world.reconcile.drop_all()
    assert world.dropped == ["u-1"]


def test_only_the_ways_of_the_table_are_gone() -> None:
    done = NumberStatus().advanced(Phase.DONE, NOON, "AllSet")
    with pytest.raises(IllegalTransition, match="Done -> Done"):
        done.advanced(Phase.DONE, NOON, "AllSet")


def test_a_long_timeline_keeps_its_beginning_and_its_end() -> None:
    class Turning(KindStatus[Phase]):
        phases: ClassVar = PhaseTable({Phase.PENDING: {Phase.DONE: "on"}, Phase.DONE: {Phase.PENDING: "off"}})
        phase: Phase = Field(default=Phase.PENDING)

    status = Turning().begun(NOON, "Created")
    for count in range(2 * TIMELINE_LENGTH):
        status = status.advanced((Phase.DONE, Phase.PENDING)[count % 2], NOON, f"R{count}")
    assert (len(status.timeline), status.transitions) == (TIMELINE_LENGTH, 2 * TIMELINE_LENGTH)
    assert (status.timeline[0].reason, status.timeline[-1].reason) == ("Created", f"R{2 * TIMELINE_LENGTH - 1}")


@pytest.mark.parametrize(
    ("value", "expected"),
    [("AllSet", Reason.ALL_SET), ("ClusterRefuses", CommonReason.CLUSTER_REFUSES), ("Elsewhere", "Elsewhere")],
)
def test_a_stored_reason_is_the_kinds_own_or_everyones_or_keeps_its_name(value: str, expected: str) -> None:
    assert reason_of(value, Reason) == expected


@pytest.mark.parametrize(
    ("error", "refusal", "fails"),
    [
        (Unreachable("x"), "", True),
        (Refusal(403, "forbidden", "no"), "product: 403 forbidden: no", False),
        (KubeError(403, "no"), "403: no.", False),
        (ApiServerAway("gone"), "", True),
    ],
)
async def test_a_read_that_is_not_answered_says_why(error: Exception, refusal: str, fails: bool) -> None:
    async def call() -> int:
        raise error

    reading = await read(call(), 0, "product")
    assert (reading.value, reading.error, reading.refusal, reading.failure is not None) == (0, error, refusal, fails)


def test_a_plan_goes_one_phase_further_with_what_it_changes() -> None:
    manifest = {"metadata": {"uid": "u", "generation": 1}}
    resource = Resource(manifest, KEY, NumberSpec(number=1), NumberStatus(), None, True)
    record = advance(Seen(now=NOON, resource=resource, number=1), Phase.DONE, Reason.ALL_SET)
    assert (record.status.phase, record.status.timeline[-1].message) == (Phase.DONE, "The number is set.")


async def test_metrics_show_a_status_before_its_events_are_posted() -> None:
    world = World()
    world.cluster.interrupt = lambda moment: world.order.append("posted") if moment == "before create Event" else None
    await world.reconcile(KEY)
    assert world.order[:2] == ["exported", "posted"]
