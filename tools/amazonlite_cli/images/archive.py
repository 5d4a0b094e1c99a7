"""OCI images and the archives that carry them to a node; a layer the node has already is named but not carried."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amazonlite_cli.images.layers import Layer

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"


@dataclass(frozen=True)
class Blob:
    """Some JSON under its digest."""

    data: bytes
    media_type: str

    @property
    def digest(self) -> str:
        return f"sha256:{hashlib.sha256(self.data).hexdigest()}"

    def descriptor(self, **more: Any) -> dict[str, Any]:
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.data), **more}


def _blob(content: dict[str, Any], media_type: str) -> Blob:
    return Blob(json.dumps(content, sort_keys=True).encode(), media_type)


@dataclass(frozen=True)
class Image:
    """An image by its name, layers (lowest first) and settings."""

    name: str
    layers: tuple[Layer, ...]
    config: dict[str, Any]

    def blobs(self) -> tuple[Blob, Blob]:
        """Config and manifest."""
        digests = [layer.digest for layer in self.layers]
        config = _blob(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": self.config,
                "rootfs": {"type": "layers", "diff_ids": digests},
                "history": [{"created_by": layer.key} for layer in self.layers],
            },
            _CONFIG,
        )
        layers = [{"mediaType": _LAYER, "digest": layer.digest, "size": layer.size} for layer in self.layers]
        manifest = {"schemaVersion": 2, "mediaType": _MANIFEST, "config": config.descriptor(), "layers": layers}
        return config, _blob(manifest, _MANIFEST)


def _put(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    archive.addfile(entry, io.BytesIO(data))


def _blob_path(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/")


def write(image: Image, path: Path, present: Collection[str] = ()) -> None:
    """Writes `image` as an OCI archive to `path`, without the layers whose digests are in `present`."""
    config, manifest = image.blobs()
    index = {
        "schemaVersion": 2,
        "manifests": [manifest.descriptor(annotations={"io.containerd.image.name": image.name})],
    }
    with tarfile.open(path, "w") as archive:
        _put(archive, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        for blob in (config, manifest):
            _put(archive, _blob_path(blob.digest), blob.data)
        for layer in {layer.digest: layer for layer in image.layers}.values():
            if layer.digest not in present:
                archive.add(layer.path, _blob_path(layer.digest))
        _put(archive, "index.json", json.dumps(index).encode())
