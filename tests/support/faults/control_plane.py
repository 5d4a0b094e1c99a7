"""The control plane of localkube: killed, and started again as it was."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from amazonlite_cli.paths import HOME, REPO
from support.machine import on_the_machine

RUN = HOME / "run"
# Who ends first: what asks the API server, then the API server.
DAEMONS = {
    "scheduler": "kube-scheduler",
    "controller-manager": "kube-controller-manager",
    "apiserver": "kube-apiserver",
}


@contextlib.contextmanager
def control_plane_away() -> Iterator[None]:
    """Kills the API server, the controllers and the scheduler by SIGKILL, as the loss of their machine does.

    After the block the API server is started again with the arguments it had, and its pid file names the new process,
    so that `localkube.sh` goes on knowing it as its own; `mended` starts the others.
    """
    command = _command_of(_pid("apiserver"), "kube-apiserver")
    for daemon, program in DAEMONS.items():
        _kill(daemon, program)
    try:
        yield
    finally:
        _start(command)


def mended() -> None:
    """Starts what of the control plane does not run, as a kubelet does elsewhere. Waits for the API server."""
    script = REPO / "tools" / "localkube" / "localkube.sh"
    subprocess.run(on_the_machine(str(script), "up"), check=True, capture_output=True, text=True)


def _kill(daemon: str, program: str) -> None:
    pid = _pid(daemon)
    _command_of(pid, program)
    os.kill(pid, signal.SIGKILL)


def _pid(daemon: str) -> int:
    return int((RUN / f"{daemon}.pid").read_text())


def _command_of(pid: int, program: str) -> list[str]:
    words = Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")
    if not words[0].endswith(program):
        raise RuntimeError(f"process {pid} is {words[0]!r} and not {program}; start the cluster with `amazonlite up`")
    return words


def _start(command: list[str]) -> None:
    kubelet = (RUN / "kubelet.pid").read_text().strip()
    # In the mount namespace of the other daemons: ours ends with the test and has another resolv.conf.
    entered = ["nsenter", "--target", kubelet, "--mount", "--net", "--", *command]
    with (RUN / "apiserver.log").open("ab") as log:
        process = subprocess.Popen(
            entered, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/"
        )
    (RUN / "apiserver.pid").write_text(f"{process.pid}\n")
