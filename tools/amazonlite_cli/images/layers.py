"""Image layers as tar files in a cache: a layer is made once for a key, and its digest is the digest of its bytes."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from amazonlite.common.core.certain import certain
from amazonlite_cli.paths import HOME

CACHE = HOME / "images" / "layers"
BUILD = HOME / "images" / "build"


@dataclass(frozen=True)
class Layer:
    """An uncompressed layer. `key` says what it was made from, `digest` what it is."""

    key: str
    digest: str
    path: Path

    @property
    def size(self) -> int:
        return self.path.stat().st_size


class _Digesting:
    """A file being written whose sha256 is known at the end without reading it again."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.sha256.update(data)
        return self._file.write(data)


def _owned_by_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = int(entry.mtime)  # bytecode files name their source's time in whole seconds
    return entry


def _add(archive: tarfile.TarFile, source: Path, target: str) -> None:
    """Like COPY: a directory's content goes below `target`, a file becomes `target` (or goes below `target/`)."""
    if source.is_dir():
        archive.add(source, target.strip("/") or ".", filter=_owned_by_root)
        return
    name = target + source.name if target.endswith("/") else target
    archive.add(source, name.strip("/"), filter=_owned_by_root)


def cached(key: str) -> Layer | None:
    """The layer made for `key`, if it is still in the cache."""
    path, digest = CACHE / f"{key}.tar", CACHE / f"{key}.digest"
    if not (path.exists() and digest.exists()):
        return None
    os.utime(digest)  # the sweep keeps what was used last
    return Layer(key, digest.read_text(), path)


def make(key: str, write: Callable[[tarfile.TarFile], None]) -> Layer:
    """The layer for `key`, from the cache or written now; an interrupted write leaves nothing that looks finished."""
    if found := cached(key):
        return found
    CACHE.mkdir(parents=True, exist_ok=True)
    part = CACHE / f"{key}.part"
    with part.open("wb") as file:
        digesting = _Digesting(file)
        with tarfile.open(fileobj=digesting, mode="w|", format=tarfile.PAX_FORMAT) as archive:  # type: ignore[call-overload]
            write(archive)
    (CACHE / f"{key}.digest").unlink(missing_ok=True)  # one that outlived its layer is not the digest of this one
    part.rename(CACHE / f"{key}.tar")
    part.write_text(f"sha256:{digesting.sha256.hexdigest()}")
    part.rename(CACHE / f"{key}.digest")
    return certain(cached(key), "it was written just above")


def of_tree(key: str, source: Path, target: str) -> Layer:
    """A layer that puts `source` at `target`, owned by root."""
    return make(key, lambda archive: _add(archive, source, target))


def key_of(*parts: str) -> str:
    """A layer key from what the layer depends on."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def digest_of_files(roots: Iterable[Path], *, without: frozenset[Path] = frozenset()) -> str:
    """Changes when any file below `roots` is added, removed, renamed or edited; compiled Python does not count, nor
    what is below the folders `without`.

    FileNotFoundError: a root is not there, and nothing may look the same as something empty.
    """
    sha = hashlib.sha256()
    for root in roots:
        root.stat()
        files = [root] if root.is_file() else sorted(path for path in root.rglob("*") if path.is_file())
        for path in files:
            if "__pycache__" in path.parts or not without.isdisjoint(path.parents):
                continue
            sha.update(f"{path.relative_to(root.parent)}\0{path.stat().st_mode & 0o111}\0".encode())
            sha.update(hashlib.sha256(path.read_bytes()).digest())
    return sha.hexdigest()


def sweep(keep: int = 40) -> None:
    """Drops all but the `keep` layers used last; any of them can be made again."""
    digests = sorted(CACHE.glob("*.digest"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in digests[keep:]:
        old.with_suffix(".tar").unlink(missing_ok=True)
        old.unlink()


def fresh_directory(name: str) -> Path:
    """An empty directory to assemble a layer's content in."""
    path = BUILD / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path
