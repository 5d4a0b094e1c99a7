"""What is exported about each FlashSale that exists: one series a sale, gone with it."""

from __future__ import annotations

from prometheus_client import Gauge

from amazonlite_operator.flash_sale.status import FlashSaleStatus

PAID_ORDERS_LOST = Gauge(
    "flashsale_paid_orders_lost", "Paid orders of the sale that were given up; must be 0", ["namespace", "name"]
)


def export(namespace: str, name: str, status: FlashSaleStatus) -> None:
    if status.books is not None:
        PAID_ORDERS_LOST.labels(namespace, name).set(status.books.paid_orders_lost)


def drop(namespace: str, name: str) -> None:
    PAID_ORDERS_LOST.remove(namespace, name)
