"""Bytecode for images: compiled once when a layer is made, since a read-only root cannot keep it at run time.

Twice: as it is, and as ``python -OO`` wants it, without docstrings and assertions, which is how the services run
(PYTHONOPTIMIZE in the image): docstrings take some 6 MiB in each. A program whose libraries do work in assertions
switches that off for itself.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

OPTIONS = ("-q", "-j", "2", "-o", "0", "-o", "2", "--invalidation-mode", "unchecked-hash")
KEY = " ".join(OPTIONS)


def compile_tree(tree: Path, installed_at: str) -> None:
    """Compiles what lies in ``tree`` as if it lay at ``installed_at``; a file that is no Python 3.11 stays as it is."""
    command = [sys.executable, "-m", "compileall", *OPTIONS, "-s", str(tree), "-p", installed_at, str(tree)]
    subprocess.run(command, check=False, capture_output=True, text=True)
