"""How long a shopper is told to wait, and when to ask again."""

from __future__ import annotations

import pytest

from amazonlite.inventory.flash_sale.queue import eta_seconds, poll_after_seconds
from amazonlite.inventory.flash_sale.queue_store import QueuePosition, Standing


def waiting(position: int, **more: object) -> QueuePosition:
    plain: dict[str, object] = {"rate": 10.0, "measured_rate": 0.0, "sale_state": "LIVE", "now": 5_000_000}
    return QueuePosition(Standing.WAITING, position=position, **(plain | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("place", "eta", "poll_after"),
    [
        (QueuePosition(Standing.ADMITTED), 0, 1.0),
        (QueuePosition(Standing.LEFT), None, 20.0),
        (waiting(1), 1, 1.0),
        (waiting(60), 6, 3.0),
        (waiting(60, measured_rate=2.0), 30, 15.0),
        (waiting(60, measured_rate=60.0), 1, 1.0),
        (waiting(10, starts=65_000_000, sale_state="QUEUEING"), 61, 20.0),
        (waiting(10, sale_state="PAUSED"), None, 20.0),
        (waiting(10, rate=0.0), None, 20.0),
    ],
)
def test_what_a_shopper_is_told(place: QueuePosition, eta: int | None, poll_after: float) -> None:
    assert eta_seconds(place) == eta
    assert poll_after_seconds(place) == poll_after
