"""A layer holds exactly what it was made of, has one digest for it, and is never taken for finished when it is not."""

from __future__ import annotations

import errno
import hashlib
import os
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from amazonlite_cli.images import layers

pytestmark = pytest.mark.usefixtures("cache")

FILES = {"b.py": "b", "a.py": "a", "sub/c.py": "c", "sub/deep/d.txt": "d"}
BORN = 1_700_000_000


def tree(path: Path, order: Sequence[str] = tuple(FILES), fraction: float = 0.0) -> Path:
    """The files, written in `order`, all of them of the same second."""
    for name in order:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(FILES[name])
    for each in [path, *path.rglob("*")]:
        os.utime(each, (BORN + fraction, BORN + fraction))
    return path


def members(layer: layers.Layer) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(layer.path) as archive:
        return {entry.name: entry for entry in archive.getmembers()}


def content(layer: layers.Layer, name: str) -> bytes:
    with tarfile.open(layer.path) as archive:
        file = archive.extractfile(name)
        assert file is not None
        return file.read()


def disk_full(path: Path, *_: object) -> None:
    """A write as it goes on a full disk: the file is there, and empty."""
    path.touch()
    raise OSError(errno.ENOSPC, "No space left on device")


def test_the_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    layer = layers.of_tree("key", tree(tmp_path / "one"), "/opt/")
    data = layer.path.read_bytes()
    assert layer.digest == f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert layer.size == len(data)


def test_the_same_files_have_one_digest_in_whatever_order_and_fraction_of_a_second_they_were_written(
    tmp_path: Path,
) -> None:
    one = layers.of_tree("one", tree(tmp_path / "one"), "/opt/")
    other = layers.of_tree("other", tree(tmp_path / "other", sorted(FILES, reverse=True), fraction=0.5), "/opt/")
    assert one.path != other.path
    assert one.digest == other.digest


@pytest.mark.parametrize(
    "change",
    [
        lambda path: (path / "a.py").write_text("A"),
        lambda path: (path / "a.py").chmod(0o700),
        lambda path: (path / "a.py").rename(path / "z.py"),
        lambda path: (path / "sub/c.py").unlink(),
        lambda path: (path / "empty").mkdir(),
    ],
    ids=["edited", "mode", "renamed", "removed", "directory"],
)
def test_any_change_has_another_digest(tmp_path: Path, change: Callable[[Path], object]) -> None:
    before = layers.of_tree("before", tree(tmp_path / "one"), "/opt/")
    change(tmp_path / "one")
    assert layers.of_tree("after", tmp_path / "one", "/opt/").digest != before.digest


def test_modes_links_and_whole_seconds_are_kept(tmp_path: Path) -> None:
    source = tree(tmp_path / "one", fraction=0.75)
    (source / "a.py").chmod(0o4755)
    (source / "b.py").chmod(0o640)
    (source / "soft").symlink_to("a.py")
    (source / "sub/hard").hardlink_to(source / "b.py")
    found = members(layers.of_tree("key", source, "/opt/"))
    assert found["opt/a.py"].mode == 0o4755
    assert found["opt/b.py"].mode == 0o640
    assert (found["opt/soft"].type, found["opt/soft"].linkname) == (tarfile.SYMTYPE, "a.py")
    assert (found["opt/sub/hard"].type, found["opt/sub/hard"].linkname) == (tarfile.LNKTYPE, "opt/b.py")
    # Java believes its prepared class data only beside a file of the very second it was made from
    assert found["opt/sub/c.py"].mtime == BORN


def test_everything_belongs_to_root_and_names_no_user_of_this_machine(tmp_path: Path) -> None:
    for entry in members(layers.of_tree("key", tree(tmp_path / "one"), "/opt/")).values():
        assert (entry.uid, entry.gid, entry.uname, entry.gname) == (0, 0, "", "")


@pytest.mark.parametrize("target", ["/", "/opt", "/opt/", "opt/x"])
def test_no_name_is_absolute_or_climbs_out(tmp_path: Path, target: str) -> None:
    names = members(layers.of_tree("key", tree(tmp_path / "one"), target))
    assert len(names) == len(FILES) + 3  # the target itself, `sub` and `deep`
    assert not [name for name in names if name.startswith("/") or ".." in name.split("/")]


def test_a_link_out_of_the_tree_is_carried_as_a_link_and_never_followed(tmp_path: Path) -> None:
    outside = tree(tmp_path / "outside")
    source = tree(tmp_path / "one", ["a.py"])
    (source / "file").symlink_to(outside / "b.py")
    (source / "directory").symlink_to(outside)
    found = members(layers.of_tree("key", source, "/opt/"))
    assert found.keys() == {"opt", "opt/a.py", "opt/file", "opt/directory"}
    assert found["opt/file"].issym() and found["opt/directory"].issym()


@pytest.mark.parametrize(("target", "name"), [("/etc/run", "etc/run"), ("/etc/", "etc/a.py")])
def test_a_file_becomes_the_target_or_goes_below_it(tmp_path: Path, target: str, name: str) -> None:
    layer = layers.of_tree("key", tree(tmp_path / "one") / "a.py", target)
    assert members(layer).keys() == {name}
    assert content(layer, name) == b"a"


def test_a_layer_is_made_once_for_a_key(tmp_path: Path) -> None:
    first = layers.of_tree("key", tree(tmp_path / "one"), "/opt/")
    assert layers.of_tree("key", tmp_path / "gone", "/opt/") == first
    assert layers.cached("key") == first
    assert layers.cached("other") is None


def test_a_write_that_fails_leaves_nothing_that_looks_finished(tmp_path: Path) -> None:
    def half(archive: tarfile.TarFile) -> None:
        archive.add(tree(tmp_path / "one"), "opt")
        raise OSError("interrupted")

    with pytest.raises(OSError, match="interrupted"):
        layers.make("key", half)
    assert layers.cached("key") is None
    assert content(layers.of_tree("key", tmp_path / "one", "/opt/"), "opt/a.py") == b"a"


def test_a_disk_that_fills_up_before_the_digest_leaves_nothing_that_looks_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tree(tmp_path / "one")
    with monkeypatch.context() as patched, pytest.raises(OSError, match="No space"):
        patched.setattr(Path, "write_text", disk_full)
        layers.of_tree("key", source, "/opt/")
    assert layers.cached("key") is None
    assert layers.of_tree("key", source, "/opt/").digest.startswith("sha256:")


def test_new_bytes_are_never_taken_for_those_of_a_digest_that_outlived_its_layer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tree(tmp_path / "one")
    layers.of_tree("key", source, "/opt/").path.unlink()
    (source / "a.py").write_text("other")
    with monkeypatch.context() as patched, pytest.raises(OSError, match="No space"):
        patched.setattr(Path, "write_text", disk_full)
        layers.of_tree("key", source, "/opt/")
    assert layers.cached("key") is None


def test_the_sweep_keeps_the_layers_used_last(tmp_path: Path, cache: Path) -> None:
    for age, key in enumerate(["new", "old", "older"]):
        layers.of_tree(key, tree(tmp_path / "one"), "/opt/")
        os.utime(cache / f"{key}.digest", (BORN - age, BORN - age))
    layers.cached("older")  # used now, whenever it was made
    layers.sweep(keep=2)
    assert {key: layers.cached(key) is not None for key in ("new", "old", "older")} == {
        "new": True,
        "old": False,
        "older": True,
    }
    assert not (cache / "old.tar").exists()


def test_a_key_tells_where_one_part_ends() -> None:
    assert layers.key_of("a", "b") == layers.key_of("a", "b")
    assert len({layers.key_of(*parts) for parts in (("a", "b"), ("b", "a"), ("ab",), ("a", "b", ""))}) == 4


def test_the_digest_of_files_is_the_same_for_the_same_files_of_any_time_and_place(tmp_path: Path) -> None:
    one = tree(tmp_path / "here" / "src")
    other = tree(tmp_path / "there" / "src", sorted(FILES, reverse=True), fraction=99.5)
    (other / "__pycache__").mkdir()
    (other / "__pycache__" / "a.pyc").write_bytes(b"compiled")
    (other / "sub" / "c.py").chmod(0o600)  # Git keeps only whether a file is a program
    assert layers.digest_of_files([one]) == layers.digest_of_files([other])


@pytest.mark.parametrize(
    "change",
    [
        lambda path: (path / "sub/c.py").write_text("C"),
        lambda path: (path / "a.py").chmod(0o755),
        lambda path: (path / "a.py").rename(path / "z.py"),
        lambda path: (path / "sub/c.py").rename(path / "sub/deep/c.py"),
        lambda path: (path / "a.py").unlink(),
        lambda path: (path / "empty.py").touch(),
    ],
    ids=["edited", "program", "renamed", "moved", "removed", "added"],
)
def test_the_digest_of_files_changes_when_they_do(tmp_path: Path, change: Callable[[Path], object]) -> None:
    source = tree(tmp_path / "src")
    before = layers.digest_of_files([source])
    change(source)
    assert layers.digest_of_files([source]) != before


def test_there_is_no_digest_of_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        layers.digest_of_files([tree(tmp_path / "src"), tmp_path / "lost"])


def test_the_digest_of_files_looks_at_every_root_and_at_single_files(tmp_path: Path) -> None:
    first, second = tree(tmp_path / "one"), tree(tmp_path / "two")
    lock = second / "a.py"
    assert len({layers.digest_of_files(roots) for roots in ([first], [first, second], [first, lock], [lock])}) == 4


def test_what_is_left_out_does_not_change_a_digest(tmp_path: Path) -> None:
    for name in ("kept", "left"):
        (tmp_path / "root" / name).mkdir(parents=True)
        (tmp_path / "root" / name / "file").write_text("1")
    roots, left = [tmp_path / "root"], frozenset({tmp_path / "root" / "left"})
    before = layers.digest_of_files(roots, without=left)
    (tmp_path / "root" / "left" / "file").write_text("2")
    assert layers.digest_of_files(roots, without=left) == before
    (tmp_path / "root" / "kept" / "file").write_text("2")
    assert layers.digest_of_files(roots, without=left) != before
