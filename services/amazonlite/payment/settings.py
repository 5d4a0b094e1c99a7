"""What the payment service reads from its environment."""

from __future__ import annotations

from pydantic import Field

from amazonlite.common.core.settings import EventServiceSettings


class Settings(EventServiceSettings):
    """PAYMENT_*; the simulated provider posts its webhooks to ``payment_webhook_url``."""

    order_url: str = "http://order:8000"
    payment_webhook_secret: str = Field(min_length=16, repr=False)
    payment_webhook_url: str = "http://payment:8000/api/payments/webhooks/provider"
    payment_provider_latency_ms: int = Field(default=30, ge=0)
    payment_provider_answer_seconds: float = Field(default=1.0, ge=0)
    payment_provider_timeout_seconds: float = Field(default=5.0, gt=0)
    payment_recover_after_seconds: float = Field(default=30.0, gt=0)
    payment_follow_up_seconds: float = Field(default=0.25, gt=0)

    @property
    def webhook_secret(self) -> bytes:
        return self.payment_webhook_secret.encode()
