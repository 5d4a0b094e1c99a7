"""Packages are installed without removing any, and no server that comes along is started or enabled."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from amazonlite_cli.paths import REPO

SCRIPT = REPO / "tools" / "install-packages.sh"


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """Programs that write down what they are told; only curl is installed."""
    programs = {
        "dpkg-query": 'case "$*" in *curl*) echo "install ok installed";; *) exit 1;; esac',
        "apt-get": f'echo "$@" >>{tmp_path}/told',
        "systemctl": "true",
    }
    for name, does in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    return tmp_path / "told"


def install(told: Path, *packages: str) -> None:
    environment = {**os.environ, "PATH": f"{told.parent}:{os.environ['PATH']}", "POLICY": str(told.parent / "policy")}
    subprocess.run([str(SCRIPT), *packages], env=environment, check=True, capture_output=True)


def test_what_is_there_is_not_installed(told: Path) -> None:
    install(told, "curl")
    assert not told.exists()


def test_what_is_missing_is_installed_and_nothing_removed_for_it(told: Path) -> None:
    install(told, "curl", "nginx", "etcd-server")
    update, run = told.read_text().splitlines()
    assert update.startswith("update")
    assert run.startswith("install") and run.endswith("nginx etcd-server")
    assert "--no-remove" in run.split()


def test_nothing_is_started_meanwhile_and_the_policy_is_taken_back(told: Path) -> None:
    policy = told.parent / "policy"
    (told.parent / "apt-get").write_text(f"#!/bin/sh\n{policy} nginx start; echo $? >>{told}\n")
    install(told, "nginx")
    assert told.read_text().split() == ["101", "101"]
    assert not policy.exists()


def test_a_policy_of_the_machines_own_stays(told: Path) -> None:
    policy = told.parent / "policy"
    policy.write_text("#!/bin/sh\nexit 0\n")
    install(told, "nginx")
    assert policy.read_text().endswith("exit 0\n")
