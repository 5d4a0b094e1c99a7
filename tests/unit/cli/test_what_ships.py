"""The image runs without assertions, and its bytecode keeps what users are shown."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from amazonlite_cli.images.bytecode import compile_tree
from amazonlite_cli.paths import REPO
from support.shipped import optimization

SHIPPED = [*REPO.glob("services/**/*.py"), *REPO.glob("operator/**/*.py")]
DESCRIPTIONS = """
import importlib, json
from fastapi import FastAPI
app = FastAPI()
app.include_router(importlib.import_module("amazonlite.{service}.api").shop)
operations = [one for path in app.openapi()["paths"].values() for one in path.values()]
print(json.dumps([__debug__, len(operations), sum("description" in one for one in operations)]))
"""


def test_no_guard_is_an_assertion() -> None:
    """Whatever a linter was told to overlook: it would be gone in production."""
    assertions = [
        f"{path.relative_to(REPO)}:{node.lineno}"
        for path in SHIPPED
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Assert)
    ]
    assert SHIPPED
    assert assertions == []


@pytest.mark.parametrize("service", ["inventory", "order", "payment"])
def test_openapi_is_described_as_shipped(service: str) -> None:
    def described(environment: dict[str, str]) -> list[int]:
        command = [sys.executable, "-c", DESCRIPTIONS.format(service=service)]
        found = subprocess.run(
            command, env={**os.environ, **environment}, capture_output=True, text=True, check=True
        ).stdout
        return list(json.loads(found))

    assertions, operations, descriptions = described(optimization())
    assert not assertions
    assert [1, operations, descriptions] == described({"PYTHONOPTIMIZE": ""})
    assert descriptions > 0


@pytest.mark.parametrize(("docstrings", "said"), [(True, "What it does."), (False, None)])
def test_bytecode_for_the_image_keeps_docstrings_where_asked(
    tmp_path: Path, docstrings: bool, said: str | None
) -> None:
    module = tmp_path / "shipped_module.py"
    module.write_text('def f():\n    """What it does."""\n    assert False\n    return 1\n')
    compile_tree(tmp_path, "/opt/nowhere", docstrings=docstrings)
    module.write_text("raise SystemExit('the source was read')\n")
    look = "import json, shipped_module as m; print(json.dumps([m.f.__doc__, m.f()]))"
    found = subprocess.run(
        [sys.executable, "-c", look],
        env={**os.environ, **optimization(), "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(found.stdout) == [said, 1]
