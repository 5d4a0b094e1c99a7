"""A recipe says what an image is made of; its tag changes exactly when that does and is known beforehand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from amazonlite_cli.images import dockerfile, layers
from amazonlite_cli.images.archive import Image
from amazonlite_cli.images.layers import Layer

REGISTRY = "localhost/amazonlite"


@dataclass(frozen=True)
class Base:
    """A ready layer below the Dockerfile's own."""

    key: str
    layer: Callable[[], Layer]


@dataclass(frozen=True)
class Content:
    """One entry of the build context. `prepare` assembles it and says where it is; `key` is what it depends on."""

    key: str
    prepare: Callable[[], Path]

    def layer(self, target: str) -> Layer:
        key = layers.key_of("copy", self.key, target)
        return layers.cached(key) or layers.of_tree(key, self.prepare(), target)


@dataclass(frozen=True)
class Recipe:
    """An image by its short name: a Dockerfile, what stands in for its base, and the context it copies from."""

    name: str
    dockerfile: Path
    bases: tuple[Base, ...]
    context: Mapping[str, Content] = field(default_factory=dict)

    @property
    def tag(self) -> str:
        parts = [base.key for base in self.bases] + [
            f"{name}={self.context[name].key}" for name in sorted(self.context)
        ]
        return layers.key_of(self.dockerfile.read_text(), *parts)[:16]

    @property
    def reference(self) -> str:
        return f"{REGISTRY}/{self.name}:{self.tag}"

    def image(self) -> Image:
        """Makes what is not in the cache. The result needs nothing but the cached layers."""
        parsed = dockerfile.read(self.dockerfile, {"BASE": "scratch"})
        copied = [self.context[copy.source.strip("/")].layer(copy.target) for copy in parsed.copies]
        return Image(self.reference, (*(base.layer() for base in self.bases), *copied), parsed.config)
