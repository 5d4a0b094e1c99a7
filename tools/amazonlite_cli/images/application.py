"""The application image: the locked wheels in one layer, this checkout's sources in another."""

from __future__ import annotations

import shutil
import sys
import tarfile
from pathlib import Path

from amazonlite_cli.command import output_of
from amazonlite_cli.images import bytecode, layers, rootfs
from amazonlite_cli.images.layers import Layer
from amazonlite_cli.images.recipe import Base, Content, Recipe
from amazonlite_cli.paths import REPO, uv

_SOURCES = (REPO / "services" / "amazonlite", REPO / "operator" / "amazonlite_operator")
# A pod has no use for it, and does not restart when it changes.
_LEFT_OUT = frozenset({REPO / "services" / "amazonlite" / "common" / "testing"})
_PYTHON = ("python3.11-minimal", "libpython3.11-stdlib")
# Debian's interpreter; the oldest of those the image runs on decides which backports are installed
_PYTHON_VERSION = "3.11.2"
_INSTALLED_AT = "/opt/amazonlite/source"
_WHEELS_AT = "/opt/amazonlite/wheels"


def _python_link() -> Layer:
    """`python`, as the official image calls it."""

    def write(archive: tarfile.TarFile) -> None:
        entry = tarfile.TarInfo("usr/local/bin/python")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/usr/bin/python3.11"
        archive.addfile(entry)

    return layers.make("python-link", write)


def _wheels() -> Path:
    """The locked dependencies, without the project and its tools, as a directory for PYTHONPATH."""
    target = layers.fresh_directory("app/wheels")
    locked = target.parent / "requirements.txt"
    export = [uv(), "export", "-q", "--frozen", "--no-default-groups", "--no-emit-project", "-o", str(locked)]
    install = [uv(), "pip", "install", "-q", "--python", sys.executable, "--python-version", _PYTHON_VERSION]
    into = ["--target", str(target)]
    output_of(export, cwd=REPO)
    output_of([*install, *into, "-r", str(locked)], cwd=REPO)
    shutil.rmtree(target / "bin", ignore_errors=True)  # console scripts with this machine's interpreter in them
    bytecode.compile_tree(target, _WHEELS_AT)
    return target


def _source() -> Path:
    target = layers.fresh_directory("app/source")
    for source in _SOURCES:
        shutil.copytree(source, target / source.name, ignore=_left_out)
    if layers.digest_of_files(target / source.name for source in _SOURCES) != _source_digest():
        raise OSError("the sources changed while they were copied into the image; run the command again")
    bytecode.compile_tree(target, _INSTALLED_AT, docstrings=True)
    return target


def _left_out(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "__pycache__" or Path(folder, name) in _LEFT_OUT]


def _source_digest() -> str:
    return layers.digest_of_files(_SOURCES, without=_LEFT_OUT)


def recipe() -> Recipe:
    """The image of this checkout as it is on disk now."""
    python = rootfs.packages_key(*_PYTHON)
    return Recipe(
        name="app",
        dockerfile=REPO / "tools" / "image" / "Dockerfile",
        bases=(
            Base(rootfs.base_key(), rootfs.base),
            Base(python, lambda: rootfs.packages(*_PYTHON)),
            Base("python-link", _python_link),
        ),
        context={
            "wheels": Content(layers.digest_of_files([REPO / "uv.lock"]) + _PYTHON_VERSION + bytecode.KEY, _wheels),
            "source": Content(_source_digest() + bytecode.KEY, _source),
        },
    )
