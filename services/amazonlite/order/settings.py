"""What the order service reads from its environment."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from amazonlite.common.core.settings import EventServiceSettings


class Settings(EventServiceSettings):
    """ORDER_PAY_WITHIN_SECONDS is the time a regular order may stay unpaid."""

    product_url: str = "http://product:8000"
    payment_url: str = "http://payment:8000"
    inventory_url: str = "http://inventory:8000"
    order_pay_within_seconds: int = Field(default=15 * 60, ge=1)
    order_sweep_seconds: float = Field(default=1.0, gt=0)

    @property
    def pay_within(self) -> timedelta:
        return timedelta(seconds=self.order_pay_within_seconds)
