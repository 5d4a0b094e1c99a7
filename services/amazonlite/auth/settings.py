"""What the auth service reads from its environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings

from amazonlite.common.core.settings import MysqlSettings, RedisSettings


class Settings(BaseSettings):
    """AUTH_BULK_TOKENS serves /internal/auth/tokens:bulk: tokens of synthetic customers for whoever tests this shop."""

    mysql: MysqlSettings = Field(default_factory=MysqlSettings)
    redis: RedisSettings = Field(default_factory=RedisSettings)
    auth_signing_keys_dir: Path = Path("/etc/amazonlite/signing")
    auth_bulk_tokens: bool = False
    auth_clients_dir: Path = Path("/etc/amazonlite/clients")
