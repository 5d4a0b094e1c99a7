"""The topics of the shop. A topic is named like the type of the events on it; records are keyed by aggregate id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topic:
    name: str
    sender: str
    about: str
    partitions: int = 3


TOPICS: tuple[Topic, ...] = (
    Topic("order.created.v1", "order", "An order was placed and waits for its stock"),
    Topic("order.authorized.v1", "order", "An order's payment is authorized and its stock may be confirmed"),
    Topic("order.confirmed.v1", "order", "An order's stock is sold to it and its payment may be captured"),
    Topic("order.cancelled.v1", "order", "An order was given up; stock and payment go back"),
    Topic("order.timed-out.v1", "order", "An order was not paid in time; stock and payment go back"),
    Topic("order.completed.v1", "order", "An order is paid and done"),
    Topic("inventory.reserved.v1", "inventory", "All lines of an order are reserved"),
    Topic("inventory.rejected.v1", "inventory", "An order's lines could not be reserved"),
    Topic("inventory.confirmed.v1", "inventory", "An order's reservation became a sale"),
    Topic("inventory.confirmation-rejected.v1", "inventory", "An order's reservation was gone when it was to be sold"),
    Topic("inventory.expired.v1", "inventory", "A reservation was not confirmed in time and went back to stock"),
    Topic("payment.authorized.v1", "payment", "The provider holds the amount for an order"),
    Topic("payment.failed.v1", "payment", "The provider refused the payment of an order"),
    Topic("payment.captured.v1", "payment", "The amount of an order was taken"),
    Topic("payment.voided.v1", "payment", "The hold on the amount of an order was let go"),
    Topic("product.changed.v1", "product", "A product was made, changed or removed; this is how it is now"),
    Topic("flash-sale.claimed.v1", "inventory", "A customer claimed units of a flash sale; the order follows from it"),
)

READERS: Mapping[str, tuple[str, ...]] = {
    "inventory": (
        "order.created.v1",
        "payment.authorized.v1",
        "order.cancelled.v1",
        "order.timed-out.v1",
    ),
    "order": (
        "flash-sale.claimed.v1",
        "inventory.reserved.v1",
        "inventory.rejected.v1",
        "inventory.confirmed.v1",
        "inventory.confirmation-rejected.v1",
        "inventory.expired.v1",
        "payment.authorized.v1",
        "payment.failed.v1",
        "payment.captured.v1",
        "payment.voided.v1",
    ),
    "payment": ("order.confirmed.v1", "order.cancelled.v1", "order.timed-out.v1"),
}
"""The topics that each service handles, in the consumer group called like it."""


def dlq_of(topic: str) -> str:
    """Where what consumers of the topic keep failing on is put aside."""
    return f"{topic}.dlq.v1"
