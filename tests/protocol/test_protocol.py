"""Whoever is told paid keeps the order, whatever of the protocol is delayed, doubled, lost or killed."""

from __future__ import annotations

import pytest

from protocol.machine import PaymentAndInventory
from protocol.profile import PARTS, search
from protocol.shop import Shop
from protocol.whole_shop import WholeShop


@pytest.mark.parametrize("part", range(PARTS))
def test_payment_and_inventory(shop: Shop, part: int) -> None:
    search(lambda: PaymentAndInventory(shop))


@pytest.mark.parametrize("part", range(PARTS))
def test_with_orders(shop: Shop, part: int) -> None:
    search(lambda: WholeShop(shop))
