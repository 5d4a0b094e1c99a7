"""Wires the auth service together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from amazonlite.auth import api
from amazonlite.auth.clients import Clients
from amazonlite.auth.desk import AuthDesk
from amazonlite.auth.keys import SigningKeys
from amazonlite.auth.revocations import RedisRevocations
from amazonlite.auth.settings import Settings
from amazonlite.auth.upkeep import Upkeep
from amazonlite.common.core.clock import Clock, SystemClock
from amazonlite.common.data.engine import create_engine
from amazonlite.common.data.unit_of_work import ping, unit_of_work_factory
from amazonlite.common.http.app import create_app
from amazonlite.common.security.jwt import TokenVerifier
from amazonlite.common.security.passwords import Passwords


def create(settings: Settings | None = None, *, clock: Clock | None = None) -> FastAPI:
    settings = settings or Settings()
    clock = clock or SystemClock()
    engine = create_engine(settings.mysql, pool_size=5)
    revocations = RedisRevocations(settings.redis.url)
    keys = SigningKeys(settings.auth_signing_keys_dir, clock)
    clients = Clients(settings.auth_clients_dir)
    passwords = Passwords()
    desk = AuthDesk(unit_of_work_factory(engine), keys, clients, revocations, passwords, clock)
    upkeep = Upkeep(desk)

    async def database() -> None:
        await ping(desk.transactions)

    @asynccontextmanager
    async def open_stores(_: FastAPI) -> AsyncIterator[None]:
        yield
        passwords.close()
        await revocations.close()
        await engine.dispose()

    app = create_app(
        "auth",
        routers=[api.routes, api.published, *([api.internal] if settings.auth_bulk_tokens else [])],
        background=[upkeep.republishing, upkeep.reloading, upkeep.purging],
        # Redis is no reason to be taken out of service: all but logout works without it.
        readiness={"mysql": database},
        lifespan=open_stores,
    )
    app.state.desk = desk
    app.state.verifier = TokenVerifier(keys, clock=clock)
    return app
