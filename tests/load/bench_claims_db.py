"""Claims a second by the batcher, beside one short transaction a claim, on the same database and pool.

Both sides run the very same decision and write the same rows; the rival locks the sale's row at its end only.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from amazonlite.common.core.ids import new_id
from amazonlite.common.data.engine import create_engine
from amazonlite.common.data.unit_of_work import UnitOfWork, in_transaction, unit_of_work_factory
from amazonlite.common.testing import stores
from amazonlite.inventory.dependencies import Dependencies
from amazonlite.inventory.flash_sale import store as sales
from amazonlite.inventory.flash_sale.batcher import ClaimBatcher
from amazonlite.inventory.flash_sale.commit_claims import commit_claims
from amazonlite.inventory.flash_sale.decide import Claim
from amazonlite.inventory.flash_sale.domain import Counters, Sale, SaleState
from amazonlite.inventory.stock import store
from amazonlite.inventory.stock.book import book
from amazonlite.inventory.stock.domain import Entry, EntryKind
from load.rival import claim_alone
from support.inventory import WIDE, FakePayments, terms

CONCURRENCY = 64
IN_GROUPS, ONE_BY_ONE = 3_000, 400
RUNS = 5
WANTED = 5.0
UNITS = 1_000_000

Submit = Callable[[Claim], Awaitable[Any]]


async def run() -> list[dict[str, Any]]:
    mysql = stores.create_database("inventory")
    engines = [create_engine(mysql, pool_size=CONCURRENCY) for _ in range(2)]
    try:
        one_by_one, in_groups, by_two = [], [], []
        for _ in range(RUNS):
            all_deps = [Dependencies(unit_of_work_factory(engine), FakePayments()) for engine in engines]
            one_by_one.append(await _rate(all_deps[0], partial(claim_alone, all_deps[0]), ONE_BY_ONE))
            in_groups.append(await _rate(all_deps[0], _batched(all_deps[:1]), IN_GROUPS))
            by_two.append(await _rate(all_deps[0], _batched(all_deps), IN_GROUPS))
    finally:
        await _close(engines)
        stores.drop_database(mysql)
    other = statistics.median(one_by_one)
    return [
        _row("claims into MariaDB, one pod", statistics.median(in_groups), other, WANTED),
        _row("claims into MariaDB, two pods", statistics.median(by_two), other, None),
    ]


def _batched(all_deps: list[Dependencies]) -> Submit:
    turns = itertools.cycle([ClaimBatcher(partial(commit_claims, deps)) for deps in all_deps])
    return lambda claim: next(turns).claim(claim)


async def _rate(deps: Dependencies, submit: Submit, claims: int) -> float:
    """Claims a second by CONCURRENCY shoppers, on a fresh sale, each customer claiming once."""
    sale_id = await _sale(deps)
    wishes = (Claim(sale_id, f"usr_{number}", "key", 1, "corr", "trace") for number in range(claims))

    async def shopper() -> None:
        for wish in wishes:
            await submit(wish)

    started = time.perf_counter()
    await asyncio.gather(*(shopper() for _ in range(CONCURRENCY)))
    seconds = time.perf_counter() - started
    await _check(deps, sale_id, claims)
    return claims / seconds


async def _sale(deps: Dependencies) -> str:
    sale_id = new_id("fs")
    sale = Sale(sale_id, terms(sale_id, UNITS), WIDE, Counters(), SaleState.LIVE, version=1, fence=1, fingerprint="x")

    async def make(uow: UnitOfWork) -> None:
        await store.ensure_stock(uow, [sale_id])
        await sales.add(uow, sale)
        stocked = Entry(new_id("adj"), EntryKind.ADJUST, sale_id, UNITS)
        await book(uow, [stocked, Entry(f"{sale_id}:ALLOCATE", EntryKind.ALLOCATE, sale_id, UNITS, sale_id)])

    await in_transaction(deps.transactions, make)
    return sale_id


async def _check(deps: Dependencies, sale_id: str, claims: int) -> None:
    async with deps.transactions() as uow:
        books = await sales.audit_sale(uow, sale_id)
    if books is None or not books.conserved or books.sale.counters.held != claims:
        raise AssertionError(f"the books do not add up after {claims} claims: {books}")


async def _close(engines: list[AsyncEngine]) -> None:
    for engine in engines:
        await engine.dispose()


def _row(job: str, ours: float, other: float, wanted: float | None) -> dict[str, Any]:
    return {
        "job": job,
        "unit": "claims/s",
        "ours": ours,
        "other": other,
        "otherName": "one short transaction a claim",
        "ratio": ours / other,
        "wanted": wanted,
        "holds": wanted is None or ours / other >= wanted,
    }
