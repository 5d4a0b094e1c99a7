"""An image is named by its content alone, and its archive carries every blob under the digest of its bytes."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from amazonlite_cli.images import layers
from amazonlite_cli.images.archive import Image, write

pytestmark = pytest.mark.usefixtures("cache")

CONFIG = {"User": "10001", "Env": ["A=1"]}


def layer(tmp_path: Path, key: str) -> layers.Layer:
    source = tmp_path / key
    source.mkdir(exist_ok=True)
    (source / key).write_text(key)
    return layers.of_tree(key, source, "/opt/")


def image(*made: layers.Layer, name: str = "localhost/shop:1", config: dict[str, Any] = CONFIG) -> Image:
    return Image(name, made, config)


def carried(path: Path) -> dict[str, bytes]:
    """The files of an archive; each may be there once."""
    with tarfile.open(path) as archive:
        names = archive.getnames()
        assert len(names) == len(set(names))
        return {name: file.read() for name in names if (file := archive.extractfile(name)) is not None}


def blob(files: dict[str, bytes], descriptor: dict[str, Any]) -> bytes:
    data = files[f"blobs/{descriptor['digest'].replace(':', '/')}"]
    assert len(data) == descriptor["size"]
    return data


def test_whoever_follows_the_index_finds_the_settings_and_the_layers(tmp_path: Path) -> None:
    low, high = layer(tmp_path, "low"), layer(tmp_path, "high")
    write(image(low, high), tmp_path / "image.tar")
    files = carried(tmp_path / "image.tar")
    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    (named,) = json.loads(files["index.json"])["manifests"]
    assert named["annotations"] == {"io.containerd.image.name": "localhost/shop:1"}
    manifest = json.loads(blob(files, named))
    settings = json.loads(blob(files, manifest["config"]))
    assert settings["config"] == CONFIG
    assert settings["rootfs"]["diff_ids"] == [low.digest, high.digest]
    assert [blob(files, each) for each in manifest["layers"]] == [low.path.read_bytes(), high.path.read_bytes()]


def test_every_blob_lies_under_the_digest_of_its_bytes(tmp_path: Path) -> None:
    write(image(layer(tmp_path, "low"), layer(tmp_path, "high")), tmp_path / "image.tar")
    blobs = {name: data for name, data in carried(tmp_path / "image.tar").items() if name.startswith("blobs/")}
    assert len(blobs) == 4
    assert all(name == f"blobs/sha256/{hashlib.sha256(data).hexdigest()}" for name, data in blobs.items())


def test_a_layer_the_node_has_is_named_and_not_carried(tmp_path: Path) -> None:
    low, high = layer(tmp_path, "low"), layer(tmp_path, "high")
    write(image(low, high), tmp_path / "all.tar")
    write(image(low, high), tmp_path / "some.tar", present={low.digest, "sha256:other"})
    everything, some = carried(tmp_path / "all.tar"), carried(tmp_path / "some.tar")
    assert everything.keys() - some.keys() == {f"blobs/{low.digest.replace(':', '/')}"}
    assert everything.items() >= some.items()


def test_a_layer_that_comes_twice_is_carried_once(tmp_path: Path) -> None:
    low = layer(tmp_path, "low")
    write(image(low, low), tmp_path / "image.tar")
    (named,) = json.loads(carried(tmp_path / "image.tar")["index.json"])["manifests"]
    assert len(json.loads(blob(carried(tmp_path / "image.tar"), named))["layers"]) == 2


def test_the_same_image_has_one_digest_whatever_its_name_and_the_order_of_its_settings(tmp_path: Path) -> None:
    low = layer(tmp_path, "low")
    turned = dict(reversed(CONFIG.items()))
    assert image(low).blobs() == image(low, name="localhost/other:2", config=turned).blobs()


def test_other_settings_or_another_order_of_layers_are_another_image(tmp_path: Path) -> None:
    low, high = layer(tmp_path, "low"), layer(tmp_path, "high")
    images = [image(low, high), image(high, low), image(low), image(low, high, config={**CONFIG, "User": "0"})]
    assert len({each.blobs()[1].digest for each in images}) == len(images)
