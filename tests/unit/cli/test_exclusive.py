"""Two commands never change the cluster at once, nor under those that use it: the second is told and waits, and a
killed one is not waited for."""

from __future__ import annotations

import fcntl
import io
import os
import subprocess
import sys
from pathlib import Path
from threading import Event, Thread

import pytest
from rich.console import Console

from amazonlite_cli import exclusive as module
from amazonlite_cli import progress
from amazonlite_cli.exclusive import exclusive, in_use

_HOLDER = """
import sys
from amazonlite_cli.exclusive import exclusive
with exclusive():
    print("held", flush=True)
    sys.stdin.read()
"""
_USER = """
import os
from amazonlite_cli.exclusive import in_use
with in_use():
    os.execvp("sh", ["sh", "-c", "echo held; read line"])
"""


class Screen(io.StringIO):
    """A terminal that tells when it shows who is waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.told = Event()

    def write(self, text: str) -> int:
        if "another amazonlite command" in text or "a load are running" in text:
            self.told.set()
        return super().write(text)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "HOME", tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    screen = Screen()
    monkeypatch.setattr(progress, "console", Console(file=screen, force_terminal=True, width=120))
    return screen


def is_held(home: Path, name: str = "command.lock") -> bool:
    with (home / name).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_the_first_goes_ahead_without_a_word_and_leaves_nothing_held(home: Path, screen: Screen) -> None:
    with exclusive():
        assert is_held(home)
    assert not is_held(home)
    assert screen.getvalue() == ""


def test_a_command_that_fails_holds_nothing(home: Path) -> None:
    with pytest.raises(ValueError, match="broken"), exclusive():
        raise ValueError("broken")
    assert not is_held(home)


@pytest.mark.usefixtures("home")
def test_the_second_is_told_why_it_waits_and_goes_on_when_the_first_has_ended(screen: Screen) -> None:
    entered = Event()

    def second() -> None:
        with exclusive():
            entered.set()

    other = Thread(target=second, daemon=True)
    with exclusive():
        other.start()
        assert screen.told.wait(10)
        assert not entered.is_set()
    assert entered.wait(10)
    other.join()


def test_another_process_is_kept_out_until_it_ends_and_a_killed_one_holds_nothing(home: Path) -> None:
    environment = {**os.environ, "AMAZONLITE_HOME": str(home)}
    command = [sys.executable, "-c", _HOLDER]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        assert is_held(home)
        holder.kill()
        holder.wait()
    assert not is_held(home)


@pytest.mark.usefixtures("home")
def test_those_who_use_the_cluster_do_so_side_by_side_and_nobody_changes_it_meanwhile(screen: Screen) -> None:
    changed = Event()

    def change() -> None:
        with exclusive():
            changed.set()

    other = Thread(target=change, daemon=True)
    with in_use():
        with in_use():
            other.start()
            assert screen.told.wait(10)
        assert not changed.is_set()
    assert changed.wait(10)
    other.join()


def test_a_program_that_takes_the_commands_place_goes_on_using_the_cluster(home: Path) -> None:
    environment = {**os.environ, "AMAZONLITE_HOME": str(home)}
    command = [sys.executable, "-c", _USER]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as user:
        assert user.stdout is not None and user.stdout.readline() == b"held\n"
        assert is_held(home, "use.lock")
        user.communicate(b"\n")
    assert not is_held(home, "use.lock")
