"""The `amazonlite` command: one line registers a verb; what a verb needs is imported by its own module."""

from __future__ import annotations

import typer

from amazonlite.cli.demo import demo
from amazonlite.cli.down import down
from amazonlite.cli.inside import inside
from amazonlite.cli.load import load
from amazonlite.cli.report import report
from amazonlite.cli.seed import seed
from amazonlite.cli.status import status
from amazonlite.cli.up import up

app = typer.Typer(
    no_args_is_help=True, pretty_exceptions_show_locals=False, help="A shop that runs itself on Kubernetes."
)
app.command()(up)
app.command()(down)
app.command()(status)
app.command()(seed)
app.command()(load)
app.command()(report)
app.command()(demo)
app.command(context_settings={"ignore_unknown_options": True})(inside)
