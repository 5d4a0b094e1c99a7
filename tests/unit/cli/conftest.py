"""A layer cache of the test's own, so that no test sees or sweeps the machine's."""

from __future__ import annotations

from pathlib import Path

import pytest

from amazonlite_cli.images import layers


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache; what is made goes there."""
    monkeypatch.setattr(layers, "CACHE", tmp_path / "cache")
    return tmp_path / "cache"
