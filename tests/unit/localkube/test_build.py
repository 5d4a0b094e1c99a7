"""What a machine lacks is said at once, all of it, and not after minutes of compiling."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from amazonlite_cli.paths import REPO

SHELL = ("bash", "cat", "dirname", "find", "flock", "head", "mkdir", "sha256sum", "sort", "xargs")


def build_with(programs: tuple[str, ...], home: Path) -> subprocess.CompletedProcess[str]:
    """The build on a machine that has a shell and these programs."""
    path = home / "path"
    path.mkdir(parents=True)
    for name in SHELL:
        (path / name).symlink_to(shutil.which(name) or name)
    for name in programs:
        (path / name).touch(mode=0o755)
    return subprocess.run(
        [path / "bash", REPO / "tools/localkube/localkube.sh", "build"],
        env={"PATH": str(path), "HOME": str(home), "AMAZONLITE_HOME": str(home / "state")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_all_missing_compilers_are_named_with_what_to_do(tmp_path: Path) -> None:
    ended = build_with((), tmp_path)
    assert ended.returncode == 1
    assert "not on the path: go javac mvn" in ended.stderr
    assert "next: install Go" in ended.stderr


def test_only_what_is_missing_is_named(tmp_path: Path) -> None:
    assert "not on the path: mvn\n" in build_with(("go", "javac"), tmp_path).stderr
