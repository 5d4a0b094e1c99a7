"""One shop for all sequences of a test process: its databases are made once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import uvloop

from protocol.shop import Shop
from support.scratch_databases import ScratchDatabases


@pytest.fixture(scope="session")
def shop(scratch_databases: ScratchDatabases) -> Iterator[Shop]:
    with ExitStack() as lent:
        loop = uvloop.new_event_loop()
        made = loop.run_until_complete(_open(loop, lent, scratch_databases))
        yield made
        loop.run_until_complete(made.close())
        loop.close()


async def _open(loop: asyncio.AbstractEventLoop, lent: ExitStack, databases: ScratchDatabases) -> Shop:
    return Shop(loop, lambda service: lent.enter_context(databases.lent(service)))


@pytest.fixture(autouse=True)
def quiet_logs(caplog: pytest.LogCaptureFixture) -> None:
    """A row that is there already and an operation that dies are what these tests are about; they are no news."""
    caplog.set_level(logging.CRITICAL, "asyncmy")
    caplog.set_level(logging.CRITICAL, "amazonlite.payment.follow_up")
