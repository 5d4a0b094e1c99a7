"""The operator's environment; the chart sets it."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings

from amazonlite.common.core.settings import AuthClientSettings, ObserveSettings


class Settings(BaseSettings):
    """POD_NAME, POD_NAMESPACE, OPERATOR_IMAGE and the shop's addresses."""

    auth: AuthClientSettings = Field(default_factory=AuthClientSettings)
    observe: ObserveSettings = Field(default_factory=ObserveSettings)
    pod_name: str
    pod_namespace: str
    operator_image: str
    inventory_url: str = "http://inventory:8000"
    order_url: str = "http://order:8000"
    payment_url: str = "http://payment:8000"
    gateway_url: str = "http://gateway:8000"
    health_port: int = 8080
    metrics_port: int = 8081
