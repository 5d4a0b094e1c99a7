"""A workload is ready when its newest pods all are; one that will not be is told with the cluster's own reason."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from amazonlite_cli.cluster.base import Cluster
from amazonlite_cli.deploy.ready import Progress, diagnosis, progress_of, wait

NO_TIME, LONG = -1.0, 3600.0


def workload(name: str = "order", *, want: int = 1, generation: int = 1, **status: int) -> dict[str, Any]:
    observed = {"observedGeneration": 1, "replicas": want, **status}
    return {"metadata": {"name": name, "generation": generation}, "spec": {"replicas": want}, "status": observed}


def whole(name: str = "order", want: int = 1) -> dict[str, Any]:
    return workload(name, want=want, updatedReplicas=want, readyReplicas=want)


def container(state: dict[str, Any], *, ready: bool = False, restarts: int = 0, name: str = "main") -> dict[str, Any]:
    return {"name": name, "state": state, "ready": ready, "restartCount": restarts}


def pod(name: str = "order-1", *containers: dict[str, Any], born: str = "12:00", **status: Any) -> dict[str, Any]:
    metadata = {"name": name, "creationTimestamp": f"2026-07-01T{born}:00Z"}
    return {"metadata": metadata, "status": {"containerStatuses": list(containers), **status}}


CRASHING = {"waiting": {"reason": "CrashLoopBackOff"}}
RUNNING = {"running": {"startedAt": "2026-07-01T12:00:00Z"}}


class Answers:
    """What the API server would say of one workload, its pods and their logs."""

    def __init__(
        self, *pods: dict[str, Any], workloads: Sequence[dict[str, Any]] = (), logs: Mapping[str, str] | None = None
    ) -> None:
        self._pods, self._workloads, self._logs = pods, workloads or [workload()], logs or {}

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        assert stdin is None
        if arguments[0] == "logs":
            which = "previous" if "--previous=true" in arguments else "current"
            if which not in self._logs:
                raise RuntimeError("no such container")
            return self._logs[which]
        return json.dumps({"items": self._pods if arguments[1] == "pods" else self._workloads})


def told(*pods: dict[str, Any], **logs: str) -> str:
    return diagnosis(cast(Cluster, Answers(*pods, logs=logs)), "order")


def waited(answers: Answers, within: float, said: list[str] | None = None) -> int:
    heard = [] if said is None else said
    return wait(cast(Cluster, answers), heard.append, selector="", within=within)


def test_pods_that_are_all_new_and_ready_are_whole() -> None:
    assert progress_of([whole("order", 2), whole("auth", 1)]) == Progress(3, 3, ())


def test_a_pod_that_is_pending_or_crashing_counts_as_wanted_and_not_as_ready() -> None:
    assert progress_of([workload(want=3, updatedReplicas=3, readyReplicas=1)]) == Progress(1, 3, ("order",))


def test_a_workload_nobody_has_looked_at_has_nothing_ready() -> None:
    unseen = {"metadata": {"name": "order", "generation": 1}, "spec": {}}
    assert progress_of([unseen]) == Progress(0, 1, ("order",))


def test_ready_pods_of_the_older_revision_are_not_taken_for_the_new_one() -> None:
    stale = workload(generation=2, updatedReplicas=1, readyReplicas=1)
    assert progress_of([stale]) == Progress(0, 1, ("order",))
    replaced = workload(want=2, updatedReplicas=1, readyReplicas=2)
    assert progress_of([replaced]) == Progress(1, 2, ("order",))


def test_an_older_pod_that_is_left_is_waited_for() -> None:
    leaving = workload(want=1, replicas=2, updatedReplicas=1, readyReplicas=2)
    assert progress_of([leaving]) == Progress(1, 1, ("order",))


def test_a_workload_scaled_to_none_is_whole_once_its_pods_are_gone() -> None:
    assert progress_of([workload(want=0)]) == Progress(0, 0, ())
    assert progress_of([workload(want=0, replicas=1)]) == Progress(0, 0, ("order",))


def test_waiting_workloads_are_named_in_order() -> None:
    assert progress_of([workload("order"), workload("auth"), whole("redis")]).waiting == ("auth", "order")


def test_waiting_ends_with_the_count_of_pods() -> None:
    said: list[str] = []
    assert waited(Answers(workloads=(whole("order", 2), whole("auth"))), NO_TIME, said) == 3
    assert said == ["3/3 pods ready"]


def test_too_long_a_wait_says_what_came_and_why_the_rest_did_not() -> None:
    said: list[str] = []
    with pytest.raises(TimeoutError, match="order-1/main CrashLoopBackOff"):
        waited(Answers(pod("order-1", container(CRASHING)), workloads=(workload(), whole("auth"))), NO_TIME, said)
    assert said == ["1/2 pods ready, waiting for order"]


def test_a_newest_pod_that_keeps_crashing_ends_the_wait_at_once() -> None:
    older, newest = pod("order-1", born="11:59"), pod("order-2", container(CRASHING, restarts=5))
    for pods in ((older, newest), (newest, older)):
        with pytest.raises(TimeoutError, match="order-2"):
            waited(Answers(*pods), LONG)


def test_a_crash_is_told_with_the_last_words_of_the_program_that_died() -> None:
    text = told(pod("order-1", container(CRASHING)), previous="no database\n", current="starting")
    assert text == "order: order-1/main CrashLoopBackOff [no database]"


def test_a_first_start_that_hangs_is_told_with_what_it_says_now() -> None:
    assert told(pod("order-1", container(RUNNING)), current="starting") == "order: order-1/main not ready [starting]"


def test_an_image_that_cannot_be_had_is_told_without_words() -> None:
    waiting = {"waiting": {"reason": "ImagePullBackOff"}}
    assert told(pod("order-1", container(waiting))) == "order: order-1/main ImagePullBackOff"


def test_the_container_that_comes_first_is_the_one_to_blame() -> None:
    migrations = container(CRASHING, name="migrate")
    held_up = container({"waiting": {"reason": "PodInitializing"}})
    assert told(pod("order-1", held_up, initContainerStatuses=[migrations])).startswith("order: order-1/migrate Crash")


def test_ready_containers_are_not_complained_of() -> None:
    proxy = container(RUNNING, ready=True, name="proxy")
    assert told(pod("order-1", proxy, container(CRASHING))) == "order: order-1/main CrashLoopBackOff"


def test_a_workload_without_pods_says_so() -> None:
    assert told() == "order: no pod was created"


def test_a_pending_pod_that_fits_nowhere_is_told_with_the_schedulers_words() -> None:
    words = "0/1 nodes are available: 1 Insufficient memory."
    refused = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": words}
    pending = {"metadata": pod()["metadata"], "status": {"phase": "Pending", "conditions": [refused]}}
    assert told(pending) == f"order: order-1 Unschedulable [{words}]"


def test_an_evicted_pod_is_told_with_the_reason() -> None:
    unready = {"type": "Ready", "status": "False", "reason": "PodFailed"}
    evicted = pod(phase="Failed", reason="Evicted", message="low on memory", conditions=[unready])
    assert told(evicted) == "order: order-1 Evicted [low on memory]"


def test_a_pod_without_any_complaint_is_not_denied() -> None:
    assert told(pod(phase="Pending")) == "order: order-1 Pending"


def test_a_ready_pod_beside_one_that_is_not_is_not_complained_of() -> None:
    fine = pod("order-1", container(RUNNING, ready=True))
    assert told(fine, pod("order-2", container(CRASHING))) == "order: order-2/main CrashLoopBackOff"


def test_ready_pods_that_are_too_few_or_too_old_are_not_denied() -> None:
    ready = pod("order-1", container(RUNNING, ready=True))
    assert told(ready) == "order: its pods are ready, but not the ones it wants"
