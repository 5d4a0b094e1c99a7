"""`python -m amazonlite_operator.crdgen [--check]`: write crds/<kind>.yaml from the specs, or fail if they differ."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import yaml

from amazonlite_operator.flash_sale.crd import FLASH_SALE
from amazonlite_operator.kube.crd import Kind, manifest

KINDS = (FLASH_SALE,)
HEADER = "# Generated from operator/amazonlite_operator by `python -m amazonlite_operator.crdgen`; do not edit.\n"


def rendered(kind: Kind) -> str:
    return HEADER + yaml.safe_dump(manifest(kind), sort_keys=False, width=120, allow_unicode=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file differs")
    parser.add_argument("--directory", type=Path, default=Path("crds"))
    options = parser.parse_args()
    files = {options.directory / f"{kind.kind.lower()}.yaml": rendered(kind) for kind in KINDS}
    stale = [path for path, text in files.items() if not _settle(path, text, options.check)]
    if stale:
        sys.exit(f"out of date, run `python -m amazonlite_operator.crdgen`: {', '.join(map(str, stale))}")


def _settle(path: Path, text: str, check: bool) -> bool:
    """True when the file holds the text afterwards."""
    if check:
        return path.is_file() and path.read_text() == text
    path.write_text(text)
    return True


if __name__ == "__main__":
    main()
