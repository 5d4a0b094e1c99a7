"""Argo CD's health of a resource by this repository's checks, which Argo CD runs in Lua as this does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lupa import LuaRuntime

HEALTH = Path(__file__).parents[2] / "gitops/health"


def health(resource: dict[str, Any], checks: Path = HEALTH) -> tuple[str, str]:
    """(status, message)"""
    lua = LuaRuntime(register_eval=False)
    check: Any = lua.eval(
        "function(script, obj) return load(script, 'health', 't', {obj = obj, ipairs = ipairs})() end"
    )
    script = (checks / f"{resource['kind'].lower()}.lua").read_text()
    answer = check(script, lua.table_from(resource, recursive=True))
    return str(answer.status), str(answer.message)
