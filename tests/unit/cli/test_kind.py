"""On kind, stopping the cluster keeps the node with the stores' volumes; only a purge deletes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from amazonlite_cli.cluster import kind as module
from amazonlite_cli.cluster.kind import KindCluster


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """kind, docker and kubectl that write down what they are told; the cluster exists."""
    for name in ("kind", "docker", "kubectl"):
        answers = 'case "$*" in "get clusters") echo amazonlite;; esac'
        (tmp_path / name).write_text(f'#!/bin/sh\necho "{name} $@" >>{tmp_path}/told\n{answers}\n')
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(module, "KUBECONFIG", tmp_path / "local" / "kubeconfig")
    return tmp_path / "told"


def say(_: str) -> None:
    """Nobody listens."""


def test_down_stops_the_node_and_deletes_nothing(programs: Path) -> None:
    KindCluster().stop(say)
    told = programs.read_text()
    assert "docker stop amazonlite-control-plane" in told
    assert "delete" not in told


def test_up_starts_the_node_that_was_stopped(programs: Path) -> None:
    KindCluster().start(say)
    told = programs.read_text()
    assert "docker start amazonlite-control-plane" in told
    assert "create" not in told


def test_only_a_purge_deletes_the_cluster(programs: Path) -> None:
    KindCluster().purge(say)
    assert "kind delete cluster --name amazonlite" in programs.read_text()
