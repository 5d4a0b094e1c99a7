"""Programs run where a person types: on the machine's own network and mounts, not in the cluster's like the tests."""

from __future__ import annotations

from pathlib import Path

from amazonlite_cli.paths import REPO


def on_the_machine(*command: str) -> list[str]:
    """The command in the checkout and in the namespaces of whoever started the tests."""
    starter = _outside()
    enter = ["nsenter", "--target", str(starter), "--net", "--mount", "env", f"--chdir={REPO}"] if starter else []
    return [*enter, *command]


def _outside() -> int | None:
    """The nearest ancestor that is not in our network namespace."""
    ours = _network("self")
    process = _parent("self")
    while process:
        if _network(str(process)) != ours:
            return process
        process = _parent(str(process))
    return None


def _network(process: str) -> str:
    return str(Path(f"/proc/{process}/ns/net").readlink())


def _parent(process: str) -> int:
    status = Path(f"/proc/{process}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("PPid:")))
