"""Runs other programs: what they say becomes progress while they run and the explanation if they fail."""

from __future__ import annotations

import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_LAST_LINES = 12


class CommandFailed(RuntimeError):
    """A program ended with another status than 0; the message holds its last words."""

    def __init__(self, command: Sequence[str], status: int, output: str) -> None:
        super().__init__(
            f"{Path(command[0]).name} {' '.join(command[1:3])} … ended with status {status}:\n{output.strip()}"
        )


def output_of(
    command: Sequence[str],
    *,
    stdin: str | None = None,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> str:
    """Standard output of `command`."""
    done = subprocess.run(
        list(command), input=stdin or "", env=environment, cwd=cwd, text=True, capture_output=True, check=False
    )
    if done.returncode:
        raise CommandFailed(command, done.returncode, done.stderr or done.stdout)
    return done.stdout


def follow(command: Sequence[str], say: Callable[[str], None], *, environment: Mapping[str, str] | None = None) -> None:
    """Runs `command`, giving each line it prints to `say`."""
    last: deque[str] = deque(maxlen=_LAST_LINES)
    with subprocess.Popen(
        list(command),
        env=environment,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        for line in process.stdout or ():
            last.append(line.rstrip())
            say(line.rstrip())
    if process.returncode:
        raise CommandFailed(command, process.returncode, "\n".join(last))
