"""One engine a process. READ COMMITTED and UTC on every connection; a restarted database heals by itself."""

from __future__ import annotations

from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from amazonlite.common.core.settings import MysqlSettings

CONNECT_SECONDS = 5


def create_engine(mysql: MysqlSettings, *, pool_size: int = 10) -> AsyncEngine:
    url = URL.create(
        "mysql+asyncmy",
        username=mysql.user,
        password=mysql.password,
        host=mysql.host,
        port=mysql.port,
        database=mysql.database,
        query={"charset": "utf8mb4"},
    )
    return create_async_engine(
        url,
        isolation_level="READ COMMITTED",
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=CONNECT_SECONDS,
        # A connection that died in the pool is replaced before anyone sees an error.
        pool_pre_ping=True,
        pool_recycle=1800,
        connect_args={"connect_timeout": CONNECT_SECONDS, "init_command": "SET time_zone = '+00:00'"},
    )
