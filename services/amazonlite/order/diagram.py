"""Prints docs/order-states.md, which shows the transition table."""

from __future__ import annotations

import sys

from amazonlite.order.domain import TRANSITIONS, OrderState

HEAD = """# States of an order

Generated from the transition table in `services/amazonlite/order/domain.py`; a test fails when this page differs. To
write it again: `.venv/bin/python -m amazonlite.order.diagram > docs/order-states.md`.

```mermaid
stateDiagram-v2
    [*] --> PENDING: create
    [*] --> RESERVED: flash-sale claim
"""


def page() -> str:
    """The whole page: the diagram, then the same table in words."""
    arrows = [f"    {state} --> {target}: {trigger}" for (state, trigger), target in TRANSITIONS.items()]
    ends = [f"    {state} --> [*]" for state in final_states()]
    rows = [f"| {state} | {trigger} | {target} |" for (state, trigger), target in TRANSITIONS.items()]
    table = ["| state | what happens | next state |", "|---|---|---|", *rows]
    return HEAD + "\n".join([*arrows, *ends, "```", "", *table]) + "\n"


def final_states() -> list[OrderState]:
    """The states that nothing leaves."""
    left = {state for state, _ in TRANSITIONS}
    return [state for state in OrderState if state not in left]


if __name__ == "__main__":
    sys.stdout.write(page())
