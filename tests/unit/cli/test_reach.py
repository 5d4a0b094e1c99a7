"""A Service is reached where the environment says, or through kubectl, whose refusal is told."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from amazonlite_cli import reach
from amazonlite_cli.errors import CommandError

Says = Callable[[str], None]


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Says:
    """`kubectl(script)`: what stands in place of the cluster's own kubectl."""
    monkeypatch.setattr(reach, "HOME", tmp_path)
    monkeypatch.delenv("AUTH_URL", raising=False)
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "kubectl"

    def says(script: str) -> None:
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    return says


async def test_the_environment_comes_first(kubectl: Says, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTH_URL", "http://auth:8000")
    async with reach.reached("auth") as url:
        assert url == "http://auth:8000"


async def test_a_forwarded_port_is_there_while_it_is_needed_and_no_longer(kubectl: Says, tmp_path: Path) -> None:
    said = "Forwarding from 127.0.0.1:45123 -> 8000"
    kubectl(f"echo $$ $@ > {tmp_path}/asked; echo '{said}'; exec sleep 60")
    async with reach.reached("auth") as url:
        assert url == "http://127.0.0.1:45123"
        number, *words = (tmp_path / "asked").read_text().split()
        assert words[-3:] == ["port-forward", "service/auth", ":8000"]
    with pytest.raises(ProcessLookupError):
        os.kill(int(number), 0)


async def test_a_refusal_is_told_in_kubectls_words(kubectl: Says) -> None:
    kubectl("echo 'pod is not running' >&2; exit 1")
    with pytest.raises(CommandError, match="does not reach the service auth: pod is not running"):
        async with reach.reached("auth"):
            pass
