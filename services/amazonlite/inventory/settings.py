"""What the inventory service reads from its environment."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings

from amazonlite.common.core.settings import AuthClientSettings, KafkaSettings, MysqlSettings, RedisSettings


class Settings(BaseSettings):
    """QUEUE_TICKET_KEY signs queue tickets: 32 bytes in hex, the same for all pods."""

    mysql: MysqlSettings = Field(default_factory=MysqlSettings)
    redis: RedisSettings = Field(default_factory=RedisSettings)
    kafka: KafkaSettings = Field(default_factory=KafkaSettings)
    auth: AuthClientSettings = Field(default_factory=AuthClientSettings)
    payment_url: str = "http://payment:8000"
    queue_ticket_key: str = Field(pattern=r"^[0-9a-fA-F]{64}$", repr=False)

    @property
    def ticket_key(self) -> bytes:
        return bytes.fromhex(self.queue_ticket_key)

    @property
    def jwks_url(self) -> str:
        return f"{self.auth.url.rstrip('/')}/api/auth/.well-known/jwks.json"
