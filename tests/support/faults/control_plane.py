"""The API server of localkube: killed, and started again as it was."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from amazonlite.cli.paths import HOME, REPO
from support.machine import on_the_machine

RUN = HOME / "run"


@contextlib.contextmanager
def api_server_away() -> Iterator[None]:
    """Kills the API server by SIGKILL; after the block it is started again with the arguments it had.

    Its pid file then names the new process, so that `localkube.sh` goes on knowing it as its own.
    """
    pid = int((RUN / "apiserver.pid").read_text())
    command = _command_of(pid)
    os.kill(pid, signal.SIGKILL)
    try:
        yield
    finally:
        _start(command)


def mended() -> None:
    """Starts what of the control plane gave up meanwhile, as a kubelet does elsewhere: a scheduler that lost the API
    server may end by itself, and nothing would be scheduled any more."""
    script = REPO / "tools" / "localkube" / "localkube.sh"
    subprocess.run(on_the_machine(str(script), "up"), check=True, capture_output=True, text=True)


def _command_of(pid: int) -> list[str]:
    words = Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")
    if not words[0].endswith("kube-apiserver"):
        raise RuntimeError(
            f"process {pid} is {words[0]!r} and not the API server; start the cluster with `amazonlite up`"
        )
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
