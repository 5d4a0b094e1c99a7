"""Bytecode for images: compiled once when a layer is made, since a read-only root cannot keep it at run time.

Twice: as it is, and as ``python -O`` wants it, which is how the services run (PYTHONOPTIMIZE in the image). The second
has no assertions and of libraries no docstrings, for they take some 6 MiB in each service. Ours stay, because OpenAPI
documents are made of them. A program whose libraries do work in assertions switches that off for itself.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

OPTIONS = ("-q", "-j", "2", "--invalidation-mode", "unchecked-hash")
KEY = " ".join((*OPTIONS, "O, libraries without docstrings"))


def compile_tree(tree: Path, installed_at: str, *, docstrings: bool = False) -> None:
    """Compiles what lies in ``tree`` as if it lay at ``installed_at``; a file that is no Python 3.11 stays as it is."""
    optimized = 1 if docstrings else 2
    levels = ("-o", "0", "-o", str(optimized))
    command = [sys.executable, "-m", "compileall", *OPTIONS, *levels, "-s", str(tree), "-p", installed_at, str(tree)]
    subprocess.run(command, check=False, capture_output=True, text=True)
    if not docstrings:
        for compiled in tree.rglob("*.opt-2.pyc"):
            compiled.rename(compiled.with_name(compiled.name.replace(".opt-2.", ".opt-1.")))
