"""``amazonlite down``: stops the cluster. What was expensive to make stays, and so does the shop's data."""

from __future__ import annotations

from typing import Annotated

import typer

from amazonlite_cli.cluster.choose import choose
from amazonlite_cli.exclusive import exclusive
from amazonlite_cli.progress import explained, step


def down(
    purge_data: Annotated[bool, typer.Option("--purge-data", help="Also delete the stores' volumes.")] = False,
) -> None:
    """Stop the cluster and drop its objects, custom resources and Secrets included.

    Kept: compiled programs, images, and the stores' volumes unless --purge-data is given.
    """
    with explained(), exclusive():
        cluster = choose()
        with step(
            "cluster", "cluster_not_stopped", kept="the stores' volumes", next_step="run `amazonlite down` again"
        ) as now:
            cluster.stop(now.detail)
        if purge_data:
            with step(
                "volumes", "volumes_not_deleted", kept="what could not be deleted", next_step="run it again"
            ) as now:
                cluster.purge(now.detail)
