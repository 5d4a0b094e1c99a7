"""The processes of the shop's containers, as the node's root sees them: killed by SIGKILL, paused, resumed.

Only localkube's node is reachable like this; a test on kind fails with ``NodeOutOfReach``.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from amazonlite_cli.paths import HOME, NAMESPACE

POD, CONTAINER, OF_NAMESPACE = (f"io.kubernetes.{name}" for name in ("pod.name", "container.name", "pod.namespace"))


class NodeOutOfReach(RuntimeError):
    """The node's containerd does not answer here; run the test with `amazonlite inside` on a localkube cluster."""


@dataclass(frozen=True, slots=True)
class Container:
    """A running container; ``pid`` is its first process by the node's numbering."""

    id: str
    pod: str
    pid: int

    @property
    def address(self) -> str:
        """The pod's IP address, from the hosts file that the kubelet writes for it."""
        lines = Path(f"/proc/{self.pid}/root/etc/hosts").read_text().splitlines()
        return next(line.split()[0] for line in lines if self.pod in line.split())


class Node:
    """Containers of the shop's workloads; a workload's containers are called like it."""

    def __init__(self, home: Path = HOME) -> None:
        self._socket = home / "run" / "containerd.sock"

    def containers(self, workload: str) -> list[Container]:
        """Those that run now, by pod name."""
        wanted = f'labels."{OF_NAMESPACE}"=={NAMESPACE},labels."{CONTAINER}"=={workload}'
        ids = self._ctr("containers", "ls", "-q", wanted)
        running = self._running()
        found = [Container(each, self._pod(each), running[each]) for each in ids if each in running]
        return sorted(found, key=lambda container: container.pod)

    def kill(self, containers: Sequence[Container]) -> None:
        """SIGKILL to the first process of each, which takes the others of its container with it."""
        for container in containers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(container.pid, signal.SIGKILL)

    @contextlib.contextmanager
    def paused(self, containers: Sequence[Container]) -> Iterator[None]:
        """Every process of the containers is stopped inside the block, and goes on after it."""
        pids = [pid for container in containers for pid in self._processes(container)]
        try:
            _send(signal.SIGSTOP, pids)
            yield
        finally:
            _send(signal.SIGCONT, pids)

    def resume(self, workloads: Sequence[str]) -> None:
        """Makes every stopped process of the workloads go on, whoever stopped it."""
        for workload in workloads:
            for container in self.containers(workload):
                _send(signal.SIGCONT, self._processes(container))

    def _running(self) -> dict[str, int]:
        rows = [line.split() for line in self._ctr("tasks", "ls")[1:]]
        return {row[0]: int(row[1]) for row in rows if row[2] == "RUNNING"}

    def _processes(self, container: Container) -> list[int]:
        """None of a container that has stopped since it was listed."""
        try:
            lines = self._ctr("tasks", "ps", container.id)[1:]
        except subprocess.CalledProcessError:
            if container.id in self._running():
                raise
            return []
        return [int(line.split()[0]) for line in lines]

    def _pod(self, container: str) -> str:
        information = json.loads("".join(self._ctr("containers", "info", container)))
        return str(information["Labels"][POD])

    def _ctr(self, *words: str) -> list[str]:
        if not self._socket.exists():
            raise NodeOutOfReach(f"there is no {self._socket}")
        command = ["ctr", "-a", str(self._socket), "-n", "k8s.io", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def _send(number: signal.Signals, pids: Sequence[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
