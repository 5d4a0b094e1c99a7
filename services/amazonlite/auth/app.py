"""Composition root of the auth service."""

from __future__ import annotations

from functools import partial

from fastapi import FastAPI

from amazonlite.auth import api
from amazonlite.auth.clients import Clients
from amazonlite.auth.dependencies import AuthDependencies
from amazonlite.auth.keys import SigningKeys
from amazonlite.auth.revocations import RedisRevocations
from amazonlite.auth.settings import Settings
from amazonlite.auth.upkeep import keep_purging, keep_reloading, keep_republishing
from amazonlite.common.core.clock import Clock, SystemClock
from amazonlite.common.data.unit_of_work import unit_of_work_factory
from amazonlite.common.security.jwt import TokenVerifier
from amazonlite.common.security.passwords import Passwords
from amazonlite.common.service.mysql import Connections, open_engine, ready_when_mysql_answers
from amazonlite.common.service.service import Service

CONNECTIONS = Connections(requests=5)


def create(settings: Settings | None = None, *, clock: Clock | None = None) -> FastAPI:
    settings, clock = settings or Settings(), clock or SystemClock()
    service = Service("auth")
    transactions = unit_of_work_factory(open_engine(service, settings.mysql, CONNECTIONS.total))
    # Redis is no reason to be taken out of service: all but logout works without it.
    ready_when_mysql_answers(service, transactions)
    revocations = service.opened(RedisRevocations(settings.redis.url))
    keys, clients = SigningKeys(settings.auth_signing_keys_dir, clock), Clients(settings.auth_clients_dir)
    deps = AuthDependencies(transactions, keys, clients, revocations, service.opened(Passwords()), clock)
    service.background(*(partial(keep, deps) for keep in (keep_republishing, keep_reloading, keep_purging)))
    routers = [api.routes, api.published, *([api.internal] if settings.auth_bulk_tokens else [])]
    return service.app(*routers, verifier=TokenVerifier(keys, clock=clock), deps=deps)
