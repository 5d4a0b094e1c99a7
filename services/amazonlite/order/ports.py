"""What the order service asks other services; the HTTP adapters stand beside it, the tests bring fakes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from amazonlite.common.core.clock import parse_iso
from amazonlite.common.core.money import Money
from amazonlite.order.domain import Line, Order, OrderState, total_of


class Products(Protocol):
    """Today's prices."""

    async def prices(self, skus: Sequence[str]) -> dict[str, Money]:
        """The price of each sku that exists; the others are left out."""
        ...


@dataclass(frozen=True, slots=True)
class PaymentFact:
    """What the payment service says about one payment; ``held`` once the money is authorised or taken."""

    payment_id: str
    order_id: str
    held: bool


@dataclass(frozen=True, slots=True)
class Sealed:
    """``closed`` orders are never paid any more; ``authorized`` has the payment of each order that is paid."""

    closed: Collection[str]
    authorized: Mapping[str, str]


class Payments(Protocol):
    """The payments of the shop's orders."""

    async def find(self, payment_id: str) -> PaymentFact | None: ...

    async def seal(self, order_ids: Sequence[str]) -> Sealed:
        """Decides for good, for each of these orders, whether it is paid. Unavailable: nothing is known."""
        ...


@dataclass(frozen=True, slots=True)
class ClaimFact:
    """A flash-sale claim as inventory tells it, by event or when asked."""

    order_id: str
    sale_id: str
    hold_id: str
    customer_id: str
    line: Line
    pay_before: datetime

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> ClaimFact:
        return cls(
            order_id=data["orderId"],
            sale_id=data["saleId"],
            hold_id=data["holdId"],
            customer_id=data["customerId"],
            line=Line(data["sku"], data["quantity"], Money.from_dict(data["unitPrice"])),
            pay_before=parse_iso(data["payBefore"]),
        )

    def order(self, now: datetime) -> Order:
        return Order(
            order_id=self.order_id,
            customer_id=self.customer_id,
            state=OrderState.RESERVED,
            lines=(self.line,),
            total=total_of((self.line,)),
            pay_before=self.pay_before,
            created_at=now,
            sale_id=self.sale_id,
            reservation_id=self.hold_id,
        )


class Goods(Protocol):
    """What inventory has set aside for orders."""

    async def claim_of(self, order_id: str) -> ClaimFact | None:
        """The flash-sale claim that this order is made of, whatever became of it. Unavailable: nothing is known."""
        ...

    async def are_sold(self, order_id: str) -> bool:
        """Whether the order's goods are sold to it. Unavailable: nothing is known."""
        ...
