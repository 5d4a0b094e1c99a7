"""What a command meets is told in four lines and an exit status, never by a traceback."""

from __future__ import annotations

import io
from pathlib import Path

import aiohttp
import pytest
import typer
from kubernetes.client import ApiException
from rich.console import Console

from amazonlite_cli import paths, progress
from amazonlite_cli.command import output_of
from amazonlite_cli.errors import CommandError
from amazonlite_cli.kube import CHOSEN, connect
from amazonlite_cli.progress import explained, step


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    shown = io.StringIO()
    monkeypatch.setattr(progress, "console", Console(file=shown, width=120))
    return shown


def test_a_program_that_fails_in_a_step_is_told_with_its_last_words(screen: io.StringIO) -> None:
    with (
        pytest.raises(typer.Exit) as ended,
        explained(),
        step("images", "image_not_made", kept="the pods", next_step="again"),
    ):
        output_of(["sh", "-c", "echo no such package >&2; exit 3"])
    assert ended.value.exit_code == 1
    for word in ("image_not_made", "no such package", "kept: the pods", "next: again"):
        assert word in screen.getvalue()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CommandError("no_open_sale", "none is open", "everything", "wait"), "no_open_sale"),
        (aiohttp.ClientConnectionError("refused"), "shop_away"),
        (TimeoutError(), "shop_away"),
        (ApiException(status=503, reason="away"), "cluster_away"),
    ],
)
def test_what_a_command_may_meet_is_told(screen: io.StringIO, error: Exception, code: str) -> None:
    with pytest.raises(typer.Exit), explained():
        raise error
    assert code in screen.getvalue()
    assert "kept:" in screen.getvalue()
    assert "next:" in screen.getvalue()


def test_a_fault_of_ours_is_not_explained_away(screen: io.StringIO) -> None:
    with pytest.raises(KeyError), explained():
        raise KeyError("ours")
    assert screen.getvalue() == ""


def test_the_shells_kubeconfig_names_no_cluster_to_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "production"))
    monkeypatch.setenv(CHOSEN, str(tmp_path / "chosen"))
    with pytest.raises(CommandError, match="chosen"):
        connect()


def test_the_uv_that_make_installed_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UV", raising=False)
    monkeypatch.setattr(paths.shutil, "which", lambda _name: None)
    monkeypatch.setattr(paths, "HOME", tmp_path)
    (tmp_path / "uv-9.9.9" / "bin").mkdir(parents=True)
    (tmp_path / "uv-9.9.9" / "bin" / "uv").touch()
    assert paths.uv() == str(tmp_path / "uv-9.9.9" / "bin" / "uv")
