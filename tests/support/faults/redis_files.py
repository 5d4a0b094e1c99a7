"""Redis's append-only files on its volume: copied at one moment, put back at a later one."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from amazonlite_cli.paths import HOME

FILES = HOME / "volumes" / "redis" / "appendonlydir"


@contextlib.contextmanager
def copied() -> Iterator[Path]:
    """A copy of the files as they are now; a command that was half written is dropped by Redis when it loads them."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / FILES.name
        _copy(FILES, copy)
        yield copy


def put_back(copy: Path) -> None:
    """Replaces the files of a stopped Redis by the older ones."""
    shutil.rmtree(FILES)
    _copy(copy, FILES)


def _copy(source: Path, target: Path) -> None:
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)  # owners too: Redis is not root
