"""The digests of published revisions: once here, a revision is never edited; a change is a new revision.

`python -m amazonlite.common.events.digests` adds the revisions that are new.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from amazonlite.common.events.registry import Registry

PATH = Path(__file__).parent / "schemas" / "digests.json"


def digest(schema: Mapping[str, Any]) -> str:
    """Of the meaning: the same whatever the file's layout."""
    return hashlib.sha256(json.dumps(schema, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def current(registry: Registry) -> dict[str, str]:
    return {
        f"{type}/{revision}": digest(schema)
        for type, known in sorted(registry.revisions.items())
        for revision, schema in sorted(known.items())
    }


def published() -> dict[str, str]:
    found: dict[str, str] = json.loads(PATH.read_text("utf-8"))
    return found


def main() -> None:
    known = published() if PATH.exists() else {}
    PATH.write_text(json.dumps(current(Registry.load()) | known, indent=2, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    main()
