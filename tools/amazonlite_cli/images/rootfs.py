"""Layers of Debian packages: a minimal system from debootstrap, and on it the files of further packages.

Further packages are unpacked and not configured: a container has no services for a maintainer script to set up.
"""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Sequence
from pathlib import Path

from amazonlite_cli.command import output_of
from amazonlite_cli.images import bytecode, layers
from amazonlite_cli.images.layers import Layer
from amazonlite_cli.paths import HOME

SUITE = "bookworm"
ROOT = HOME / "images" / "rootfs"
# What a container never reads, and the package manager's lists, which the next download refreshes anyway.
_LEFT_OUT = (
    *("./dev/", "./proc/", "./sys/", "./var/cache/", "./var/lib/apt/lists/", "./var/log/"),
    *("./usr/share/doc/", "./usr/share/man/", "./usr/share/locale/", "./usr/share/info/", "./usr/share/lintian/"),
)
_MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")


def _run(*command: str | Path) -> None:
    output_of([str(word) for word in command])


def system() -> Path:
    """The minimal system's directory, with a package manager that can resolve against it."""
    if not ROOT.exists():
        part = ROOT.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        part.parent.mkdir(parents=True, exist_ok=True)
        _run("debootstrap", "--variant=minbase", "--include=ca-certificates", SUITE, part)
        part.rename(ROOT)
    return ROOT


def _kept(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    if any(entry.name.startswith(prefix) for prefix in _LEFT_OUT) or not (
        entry.isreg() or entry.isdir() or entry.islnk() or entry.issym()
    ):
        return None
    return entry


def base_key() -> str:
    """What `base` depends on."""
    return layers.key_of("base", SUITE, *_LEFT_OUT)


def base() -> Layer:
    """The minimal system as a layer; owners and modes as Debian set them."""
    key = base_key()
    return layers.cached(key) or layers.make(key, lambda archive: archive.add(system(), ".", filter=_kept))


def _download(packages: Sequence[str]) -> list[Path]:
    """The archives of `packages` and of what they need beyond the minimal system."""
    root = system()
    shutil.copy("/etc/resolv.conf", root / "etc" / "resolv.conf")
    archives = root / "var" / "cache" / "apt" / "archives"
    for old in archives.glob("*.deb"):
        old.unlink()
    _run("chroot", root, "apt-get", "-q", "update")
    _run("chroot", root, "apt-get", "-qy", "--no-install-recommends", "--download-only", "install", *packages)
    return sorted(archives.glob("*.deb"))


def _merge_usr(tree: Path) -> None:
    """Moves /lib and its like below /usr, as in the minimal system, whose links they would otherwise replace."""
    for name in _MERGED:
        if (tree / name).is_dir():
            shutil.copytree(tree / name, tree / "usr" / name, symlinks=True, dirs_exist_ok=True)
            shutil.rmtree(tree / name)


def packages_key(*names: str) -> str:
    """What `packages` of these names depends on."""
    return layers.key_of("packages", SUITE, *names, bytecode.KEY)


def packages(*names: str) -> Layer:
    """A layer of the files of Debian packages, to go on `base()`."""
    key = packages_key(*names)
    if found := layers.cached(key):
        return found
    tree = layers.fresh_directory("packages")
    for archive in _download(names):
        _run("dpkg-deb", "-x", archive, tree)
    _merge_usr(tree)
    for library in (tree / "usr" / "lib").glob("python3.*"):
        bytecode.compile_tree(library, f"/usr/lib/{library.name}")
    for waste in ("doc", "man", "locale", "info", "lintian"):
        shutil.rmtree(tree / "usr" / "share" / waste, ignore_errors=True)
    return layers.of_tree(key, tree, "/")
