"""The documented diagram is the transition table."""

from __future__ import annotations

from pathlib import Path

from amazonlite.order.diagram import page

PAGE = Path(__file__).parents[3] / "docs" / "order-states.md"


def test_the_page_of_states_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run: uv run python -m amazonlite.order.diagram > docs/order-states.md"
