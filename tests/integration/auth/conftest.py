"""The auth service on a real database and a real Redis, with a clock that only tests move."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from redis.asyncio import Redis

from amazonlite.auth.app import create
from amazonlite.auth.dependencies import AuthDependencies
from amazonlite.auth.domain import hash_of
from amazonlite.auth.settings import Settings
from amazonlite.common.core.settings import MysqlSettings, RedisSettings
from amazonlite.common.testing.asgi import Answer, AsgiClient, asgi_client
from amazonlite.common.testing.builders import bearer
from amazonlite.common.testing.fakes import FakeClock
from amazonlite.common.testing.stores import root_cursor

PASSWORD = "correct horse battery"


def write_key(folder: Path, kid: str) -> Ed25519PrivateKey:
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / f"{kid}.pem").write_bytes(pem)
    return key


@dataclass
class Shop:
    """What a test of the auth service talks to."""

    client: AsgiClient
    clock: FakeClock
    redis: Redis
    app: FastAPI
    settings: Settings

    @property
    def deps(self) -> AuthDependencies:
        deps: AuthDependencies = self.app.state.deps
        return deps

    async def sign_up(self, email: str = "ann@example.org", password: str = PASSWORD) -> Answer:
        return await self.client.post("/api/auth/signup", {"email": email, "password": password, "name": "Ann"})

    async def log_in(
        self,
        email: str = "ann@example.org",
        password: str = PASSWORD,
        *,
        address: str = "203.0.113.1",
        cookie: str = "",
    ) -> Answer:
        """As the gateway passes it on for the client at `address`; `cookie` as an earlier answer set it."""
        headers = {"X-Forwarded-For": address} | ({"Cookie": cookie} if cookie else {})
        return await self.client.post("/api/auth/login", {"email": email, "password": password}, headers=headers)

    async def session(self, email: str = "ann@example.org") -> dict[str, Any]:
        """Signed up and logged in."""
        await self.sign_up(email)
        tokens: dict[str, Any] = (await self.log_in(email)).json()
        return tokens

    async def refresh(self, token: str) -> Answer:
        return await self.client.post("/api/auth/refresh", {"refreshToken": token})

    async def validate(self, token: str) -> Answer:
        return await self.client.get("/api/auth/validate", headers=bearer(token))

    async def service_token(self, client_id: str) -> str:
        body = {"clientId": client_id, "clientSecret": f"{client_id}-secret"}
        return str((await self.client.post("/api/auth/service-tokens", body)).json()["accessToken"])

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with root_cursor(self.settings.mysql.database) as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())


@pytest.fixture
async def shop(tmp_path: Path, mysql_for: Callable[[str], MysqlSettings], redis_url: str) -> AsyncIterator[Shop]:
    signing, clients = tmp_path / "signing", tmp_path / "clients"
    signing.mkdir()
    clients.mkdir()
    write_key(signing, "2030-01-01")
    for name, scopes in {"order": ["payments:seal"], "load": ["ledger:read", "staff:tokens"]}.items():
        (clients / name).write_text(json.dumps({"secretHash": hash_of(f"{name}-secret"), "scopes": scopes}))
    settings = Settings(
        mysql=mysql_for("auth"),
        redis=RedisSettings(url=redis_url),
        auth_signing_keys_dir=signing,
        auth_clients_dir=clients,
        auth_bulk_tokens=True,
    )
    clock = FakeClock()
    app = create(settings, clock=clock)
    async with Redis.from_url(redis_url) as redis, asgi_client(app) as client:
        yield Shop(client, clock, redis, app, settings)
