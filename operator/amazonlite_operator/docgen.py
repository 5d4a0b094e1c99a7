"""`python -m amazonlite_operator.docgen [--check]`: the diagram and the tables of docs/operator.md, from the code.

A page keeps its own words; only what stands between `<!-- generated:NAME -->` and `<!-- /generated -->` is replaced.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from amazonlite_operator.flash_sale.phases import TERMINAL, TRANSITIONS, Phase
from amazonlite_operator.flash_sale.reasons import Reason

PAGE = Path("docs/operator.md")
_BLOCK = re.compile(r"(<!-- generated:(?P<name>[\w-]+) -->\n).*?(<!-- /generated -->)", re.DOTALL)


def phases() -> str:
    arrows = [f"    {old} --> {new}: {why}" for old, ways in TRANSITIONS.items() for new, why in ways.items()]
    ends = [f"    {phase} --> [*]" for phase in Phase if phase in TERMINAL]
    return "\n".join(["```mermaid", "stateDiagram-v2", f"    [*] --> {Phase.PENDING}", *arrows, *ends, "```"])


def reasons() -> str:
    rows = [f"| `{reason}` | {reason.explanation} |" for reason in Reason]
    return "\n".join(["| reason | what it means, and what to do |", "|---|---|", *rows])


BLOCKS: Mapping[str, Callable[[], str]] = {"flash-sale-phases": phases, "flash-sale-reasons": reasons}


def regenerated(page: str) -> str:
    return _BLOCK.sub(lambda found: f"{found[1]}{BLOCKS[found['name']]()}\n{found[3]}", page)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the page differs")
    options = parser.parse_args()
    page = PAGE.read_text()
    if options.check and page != regenerated(page):
        sys.exit(f"out of date, run `python -m amazonlite_operator.docgen`: {PAGE}")
    PAGE.write_text(regenerated(page))


if __name__ == "__main__":
    main()
