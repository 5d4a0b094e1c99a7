"""Steps that a person can follow: what is being done, for how long, and if it fails what is safe and what to do."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
import typer
from kubernetes.client import ApiException
from kubernetes.config import ConfigException
from rich.console import Console
from rich.markup import escape
from rich.status import Status
from urllib3.exceptions import HTTPError

from amazonlite_cli.command import CommandFailed
from amazonlite_cli.errors import CommandError

console = Console(stderr=True, highlight=False)
_HEARTBEAT_SECONDS = 15.0
_UNKNOWN = "what was done before the connection was lost; nothing is undone"
_LOOK = "see `amazonlite status`; `amazonlite up` mends what is missing, then run this again"


class Step:
    """A step under way: its title, its latest detail, and its age."""

    def __init__(self, title: str) -> None:
        self.title, self.latest, self._started = title, "", time.monotonic()

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._started

    def detail(self, text: str) -> None:
        """What is happening now; the last one stays with the finished step."""
        self.latest = text

    def line(self, mark: str) -> str:
        latest = f"  [dim]{escape(self.latest[:120])}[/]" if self.latest else ""
        return f"{mark} {self.title:<12} {self.elapsed:6.1f} s{latest}"


@contextmanager
def _shown(step: Step) -> Iterator[None]:
    """A line that lives on a terminal; elsewhere a line now and then, so that a log shows it is not stuck."""
    done = threading.Event()
    status = Status("", console=console) if console.is_terminal else None

    def show() -> None:
        while not done.wait(0.2 if status else _HEARTBEAT_SECONDS):
            if status:
                status.update(step.line(""))
            else:
                console.print(step.line("…"), soft_wrap=True)

    ticker = threading.Thread(target=show, daemon=True)
    if status:
        status.start()
    ticker.start()
    try:
        yield
    finally:
        done.set()
        ticker.join()
        if status:
            status.stop()


@contextmanager
def step(title: str, code: str, *, kept: str, next_step: str) -> Iterator[Step]:
    """Runs the body as a step; a program that fails in it becomes `CommandError` with this step's words."""
    current = Step(title)
    try:
        with _shown(current):
            yield current
    except (CommandFailed, OSError, TimeoutError) as error:
        console.print(current.line("[red]✗[/]"), soft_wrap=True)
        raise CommandError(code, str(error), kept, next_step) from error
    except BaseException:
        console.print(current.line("[red]✗[/]"), soft_wrap=True)
        raise
    console.print(current.line("[green]✓[/]"), soft_wrap=True)


@contextmanager
def explained() -> Iterator[None]:
    """Turns what a command may meet into what a person reads, and exit status 1; what remains are faults of ours."""
    try:
        yield
    except CommandError as error:
        _tell(error)
        raise typer.Exit(1) from error
    except (aiohttp.ClientError, TimeoutError) as error:
        _tell(CommandError("shop_away", _words(error), _UNKNOWN, _LOOK))
        raise typer.Exit(1) from error
    except (HTTPError, ApiException, ConfigException) as error:
        _tell(CommandError("cluster_away", _words(error), _UNKNOWN, "run `amazonlite up`"))
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        console.print("\nInterrupted. Nothing is lost: run the same command again and it goes on from here.")
        raise typer.Exit(130) from None


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".strip(": ")


def _tell(error: CommandError) -> None:
    console.print(f"\n[red]{error.code}[/]: {escape(error.what)}\n", soft_wrap=True)
    console.print(f"  kept: {escape(error.kept)}\n  next: {escape(error.next_step)}", soft_wrap=True)
