"""The `amazonlite` command: one line registers a verb; what a verb needs is imported by its own module."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from amazonlite_cli.demo import demo
from amazonlite_cli.down import down
from amazonlite_cli.image import image
from amazonlite_cli.inside import inside
from amazonlite_cli.kube import CHOSEN
from amazonlite_cli.load import load
from amazonlite_cli.progress import console
from amazonlite_cli.report import report
from amazonlite_cli.sample import sample
from amazonlite_cli.secrets import secrets
from amazonlite_cli.seed import seed
from amazonlite_cli.status import status
from amazonlite_cli.up import up

app = typer.Typer(no_args_is_help=True, pretty_exceptions_show_locals=False)


@app.callback()
def chosen(
    kubeconfig: Annotated[
        Path | None,
        typer.Option(envvar=CHOSEN, help="Show, seed, load or demonstrate another cluster than this checkout's own."),
    ] = None,
) -> None:
    """A shop that runs itself on Kubernetes."""
    if kubeconfig is not None:  # told before anything is asked of it, or changed in it
        os.environ[CHOSEN] = str(kubeconfig)
        console.print(f"cluster: the one of {kubeconfig}", soft_wrap=True)


app.command()(up)
app.command()(down)
app.command()(status)
app.command()(seed)
app.command()(load)
app.command()(report)
app.command()(demo)
app.command()(sample)
app.command()(secrets)
app.command()(image)
app.command(context_settings={"ignore_unknown_options": True})(inside)
