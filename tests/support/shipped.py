"""How the image runs Python, so that tests of processes run what ships."""

from __future__ import annotations

from amazonlite_cli.images.dockerfile import read
from amazonlite_cli.paths import REPO


def optimization() -> dict[str, str]:
    """For the environment of a process: without assertions, as in the image."""
    image = read(REPO / "tools" / "image" / "Dockerfile", {"BASE": "scratch"})
    environment = dict(item.split("=", 1) for item in image.config["Env"])
    return {"PYTHONOPTIMIZE": environment["PYTHONOPTIMIZE"]}
