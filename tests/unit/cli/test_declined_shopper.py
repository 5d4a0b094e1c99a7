"""A shopper whose card is declined tries another one, or leaves the goods to somebody else."""

from __future__ import annotations

import time
from typing import Any

from amazonlite_cli.shoppers.api import Answer, ShopApi
from amazonlite_cli.shoppers.shopper import Outcome, Plan, Shopper


class Till(ShopApi):
    """Claims at once; declines pm_declined, takes anything else."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []

    async def persist(self, method: str, path: str, *, label: str, deadline: float, **call: Any) -> Answer:
        self.calls.append((label, call.get("headers", {}).get("Idempotency-Key", "")))
        if label == "pay" and call["json"]["method"] == "pm_declined":
            return Answer(200, {"state": "REQUIRES_CONFIRMATION", "reason": "card_declined"}, 0.0)
        return Answer(200, ANSWERS[label], 0.0)


ANSWERS: dict[str, dict[str, Any]] = {
    "queue": {"ticket": "t", "state": "ADMITTED"},
    "claim": {"orderId": "ord_1"},
    "intent": {"paymentId": "pay_1"},
    "pay": {"state": "AUTHORIZED", "reason": ""},
    "cancel": {"state": "CANCELLED"},
    "order": {"state": "CONFIRMED"},
}


async def visit(api: Till, plan: Plan) -> Outcome:
    return await Shopper(api, "fs_1", "ann", "token", plan, time.monotonic() + 9, lambda _step: None).visit()


async def test_another_card_buys() -> None:
    api = Till()
    assert await visit(api, Plan.ANOTHER_CARD) is Outcome.BOUGHT
    assert [key for label, key in api.calls if label == "pay"] == ["ord_1-confirm-1", "ord_1-confirm-2"]


async def test_one_who_has_no_other_card_leaves_the_goods_to_somebody_else() -> None:
    api = Till()
    assert await visit(api, Plan.DECLINED) is Outcome.DECLINED
    assert [label for label, _ in api.calls][-2:] == ["pay", "cancel"]
