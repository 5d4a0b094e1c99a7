"""What the gateway reads from its environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings

from amazonlite.common.core.settings import RedisSettings
from amazonlite.common.http.network import IPNetwork, networks_in

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class Settings(BaseSettings):
    """KUBE_API_URL overrides the in-cluster address and leaves the service account's files unread.

    TRUSTED_PROXIES: networks, separated by commas, whose X-Forwarded-For is believed. INTERNAL_PORT: where metrics are
    told, and nowhere else.
    """

    redis: RedisSettings = Field(default_factory=RedisSettings)
    auth_url: str = "http://auth:8000"
    pod_namespace: str = "amazonlite"
    gateway_name: str = "amazonlite"
    kubernetes_service_host: str = "kubernetes.default.svc"
    kubernetes_service_port: int = 443
    kube_api_url: str = ""
    request_timeout_seconds: float = Field(default=10.0, gt=0)
    trusted_proxies: str = ""
    internal_port: int = 0

    @property
    def api_url(self) -> str:
        if self.kube_api_url:
            return self.kube_api_url
        host = self.kubernetes_service_host
        return f"https://{f'[{host}]' if ':' in host else host}:{self.kubernetes_service_port}"

    @property
    def api_ca(self) -> Path | None:
        return None if self.kube_api_url else _ACCOUNT / "ca.crt"

    @property
    def api_token(self) -> Path | None:
        return None if self.kube_api_url else _ACCOUNT / "token"

    @property
    def routes_path(self) -> str:
        return f"/apis/gateway.networking.k8s.io/v1/namespaces/{self.pod_namespace}/httproutes"

    @property
    def proxy_networks(self) -> list[IPNetwork]:
        return networks_in(self.trusted_proxies)
