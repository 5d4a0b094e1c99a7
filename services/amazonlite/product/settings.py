"""What the product service reads from its environment."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings

from amazonlite.common.core.settings import MongoSettings


class Settings(BaseSettings):
    mongo: MongoSettings = Field(default_factory=MongoSettings)
    auth_url: str = "http://auth:8000"
    shop_currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")
