"""What the inventory service reads from its environment."""

from __future__ import annotations

from pydantic import Field

from amazonlite.common.core.settings import EventServiceSettings, RedisSettings


class Settings(EventServiceSettings):
    """QUEUE_TICKET_KEY signs queue tickets: 32 bytes in hex, the same for all pods."""

    redis: RedisSettings = Field(default_factory=RedisSettings)
    payment_url: str = "http://payment:8000"
    queue_ticket_key: str = Field(pattern=r"^[0-9a-fA-F]{64}$", repr=False)

    @property
    def ticket_key(self) -> bytes:
        return bytes.fromhex(self.queue_ticket_key)
