"""``amazonlite image FILE``: the application image as an archive, to be pushed to a registry."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from amazonlite_cli.images import application, archive
from amazonlite_cli.progress import explained, step


def image(file: Annotated[Path, typer.Argument(help="Where to write the OCI archive", dir_okay=False)]) -> None:
    """Write the image of this checkout as an OCI archive, which `skopeo` and `docker load` take; print its name."""
    with explained():
        with step("image", "image_not_made", kept="finished layers", next_step="run the command again") as now:
            made = application.recipe().image()
            archive.write(made, file)
            now.detail(f"{file.stat().st_size / 1e6:.0f} MB in {file}")
        typer.echo(made.name)
