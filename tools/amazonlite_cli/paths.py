"""Where things are: the checkout holds no state but `.local`; what is expensive lives in one home for all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
HOME = Path(os.environ.get("AMAZONLITE_HOME") or Path.home() / ".cache" / "amazonlite")
LOCAL = REPO / ".local"
KUBECONFIG = LOCAL / "kubeconfig"
NAMESPACE = "amazonlite"


def uv() -> str:
    """The uv that runs us, or the one on the path, or the newest that `make` installed."""
    installed = sorted(HOME.glob("uv-*/bin/uv"), key=lambda path: path.stat().st_mtime)
    return os.environ.get("UV") or shutil.which("uv") or str(installed[-1] if installed else "uv")
