"""Why the order service refuses a command."""

from __future__ import annotations

from typing import ClassVar

from amazonlite.common.core.errors import Conflict, InvalidInput, NotFound
from amazonlite.order.domain import Order
from amazonlite.order.schemas import OrderView


class OrderNotFound(NotFound):
    """No such order, or it is somebody else's: nobody learns which."""

    code: ClassVar[str] = "order_not_found"
    title: ClassVar[str] = "Order not found"

    def __init__(self, order_id: str) -> None:
        super().__init__(f"There is no order {order_id}.")


class OrderAlreadyDecided(Conflict):
    """An opposing command or event came first; ``order`` is what it made of the order."""

    code: ClassVar[str] = "order_already_decided"
    title: ClassVar[str] = "The order was decided otherwise"

    def __init__(self, order: Order) -> None:
        super().__init__(f"The order is {order.state}.", order=OrderView.of(order).as_json())


class OrderNotReady(Conflict):
    """The stock is not reserved yet; the same command may succeed in a moment."""

    code: ClassVar[str] = "order_not_ready"
    title: ClassVar[str] = "The order is not reserved yet"

    def __init__(self, order: Order) -> None:
        super().__init__(
            f"The order is {order.state}.", next_step="Send the same command again.", headers={"Retry-After": "1"}
        )


class PaymentNotAuthorized(Conflict):
    """The payment service knows no authorised payment of that id for this order."""

    code: ClassVar[str] = "payment_not_authorized"
    title: ClassVar[str] = "The payment is not authorised"


class UnknownSku(InvalidInput):
    """The catalogue has no such product."""

    code: ClassVar[str] = "unknown_sku"
    title: ClassVar[str] = "Unknown product"


class MixedCurrencies(InvalidInput):
    """An order has one currency."""

    code: ClassVar[str] = "mixed_currencies"
    title: ClassVar[str] = "The products have different currencies"
