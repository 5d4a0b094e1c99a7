"""A service's MySQL: engines that are closed with the process, and readiness that asks one of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from sqlalchemy.ext.asyncio import AsyncEngine

from amazonlite.common.core.settings import MysqlSettings
from amazonlite.common.data.engine import create_engine
from amazonlite.common.data.unit_of_work import UnitOfWorkFactory, ping
from amazonlite.common.service.service import Service


@dataclass(frozen=True, slots=True)
class Connections:
    """How many one pod has; the chart counts with their `total`.

    `work` is for relay (three), consumer (six) and sweeps, which never wait behind requests.
    """

    requests: int
    work: int = 0

    @property
    def total(self) -> int:
        return self.requests + self.work


def open_engine(service: Service, mysql: MysqlSettings, pool_size: int) -> AsyncEngine:
    engine = create_engine(mysql, pool_size=pool_size)
    service.on_stop(engine.dispose)
    return engine


def ready_when_mysql_answers(service: Service, transactions: UnitOfWorkFactory) -> None:
    service.ready_when(mysql=partial(ping, transactions))
