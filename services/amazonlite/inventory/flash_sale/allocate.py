"""Takes a sale's units out of general stock, once: they are the sale's until it is settled or aborted."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError

from amazonlite.common.core.certain import certain
from amazonlite.common.core.clock import iso
from amazonlite.common.core.operator_step import OperatorStep
from amazonlite.common.data.errors import StoreContended
from amazonlite.common.data.idempotency import fingerprint_of
from amazonlite.common.data.unit_of_work import UnitOfWork, in_transaction
from amazonlite.inventory.flash_sale import store as sales
from amazonlite.inventory.flash_sale.dependencies import SaleDependencies
from amazonlite.inventory.flash_sale.domain import Admission, Counters, Sale, SaleState, Terms
from amazonlite.inventory.flash_sale.errors import IllegalSaleTransition, SaleDiffers, SkuOnSale
from amazonlite.inventory.flash_sale.step import taken, tell_queue
from amazonlite.inventory.stock import store
from amazonlite.inventory.stock.book import book
from amazonlite.inventory.stock.domain import Entry, EntryKind, InsufficientStock, UnknownSku

TOMBSTONE = ""


async def allocate(
    deps: SaleDependencies, sale_id: str, terms: Terms, admission: Admission, step: OperatorStep
) -> tuple[Sale, datetime]:
    """The sale, SCHEDULED. Again with the same terms: the sale as it is now.

    A rehearsal sells a shadow of the SKU, whose stock is made for it, so that no real unit is ever held for it.
    """
    new = Sale(
        id=sale_id,
        terms=replace(terms, sku=f"REHEARSAL-{sale_id}") if terms.rehearsal else terms,
        admission=admission,
        counters=Counters(),
        state=SaleState.SCHEDULED,
        version=1,
        fence=step.fence,
        fingerprint=_fingerprint(sale_id, terms, admission),
        last_step=step.key,
    )

    async def work(uow: UnitOfWork) -> tuple[Sale, datetime]:
        known = await sales.lock(uow, sale_id)
        if known is None:
            await _make(uow, new, terms.sku)
        else:
            await _meet(uow, known[0], new, step)
        return certain(await sales.find(uow, sale_id), "it was made or met above, and sales are never deleted")

    sale, now = await in_transaction(deps.inventory.transactions, work)
    # The first that Redis hears of the sale: there is no queue to wait for.
    await tell_queue(deps, sale, now, grace=timedelta(0))
    return sale, now


async def _meet(uow: UnitOfWork, known: Sale, new: Sale, step: OperatorStep) -> None:
    noted = taken(known, step)
    if known.fingerprint == TOMBSTONE:
        raise IllegalSaleTransition(known.state, new.state)
    if known.fingerprint != new.fingerprint:
        raise SaleDiffers(known.id)
    await sales.save(uow, noted)


async def _make(uow: UnitOfWork, new: Sale, real_sku: str) -> None:
    await _add(uow, new)
    sku, quantity = new.terms.sku, new.terms.quantity
    if new.terms.rehearsal:
        await _make_shadow(uow, new, real_sku)
    stock = (await store.lock_stock(uow, [sku])).get(sku)
    if stock is None:
        raise UnknownSku(sku)
    if stock.available < quantity:
        raise InsufficientStock(sku, quantity, stock.available)
    await book(uow, [Entry(f"{new.id}:{EntryKind.ALLOCATE}", EntryKind.ALLOCATE, sku, quantity, new.id)])


async def _add(uow: UnitOfWork, new: Sale) -> None:
    try:
        await sales.add(uow, new)
    except IntegrityError as error:
        other = await sales.on_sale(uow, new.terms.sku)
        if other is not None and other != new.id:
            raise SkuOnSale(new.terms.sku, other) from error
        raise StoreContended("the sale was made or ended this very moment") from error


async def _make_shadow(uow: UnitOfWork, new: Sale, real_sku: str) -> None:
    if await store.find_stock(uow, real_sku) is None:
        raise UnknownSku(real_sku)
    await store.ensure_stock(uow, [new.terms.sku])
    await book(uow, [Entry(f"{new.id}:{EntryKind.ADJUST}", EntryKind.ADJUST, new.terms.sku, new.terms.quantity)])


def _fingerprint(sale_id: str, terms: Terms, admission: Admission) -> str:
    fixed = asdict(terms) | {
        "starts_at": iso(terms.starts_at),
        "ends_at": iso(terms.ends_at),
        "hold_ttl": terms.hold_ttl.total_seconds(),
        "pre_queue": terms.pre_queue.total_seconds(),
    }
    return fingerprint_of("PUT", "flash-sale", sale_id, [fixed, asdict(admission)])
