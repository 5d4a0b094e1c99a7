"""Bytecode for images: compiled once when a layer is made, since a read-only root cannot keep it at run time.

Without docstrings (the image sets PYTHONOPTIMIZE=2): they would take some 6 MiB in every service.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

OPTIONS = ("-q", "-j", "2", "-o", "2", "--invalidation-mode", "unchecked-hash")


def compile_tree(tree: Path, installed_at: str) -> None:
    """Compiles what lies in ``tree`` as if it lay at ``installed_at``; a file that is no Python 3.11 stays as it is."""
    command = [sys.executable, "-m", "compileall", *OPTIONS, "-s", str(tree), "-p", installed_at, str(tree)]
    subprocess.run(command, check=False, capture_output=True, text=True)
