"""Sales in MariaDB/MySQL. Whoever changes a sale holds its row lock (``lock``); the database's clock is the sale's."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Row,
    Select,
    bindparam,
    func,
    insert,
    literal_column,
    null,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.mysql import insert as upsert

from amazonlite.common.core.money import Money
from amazonlite.common.data.columns import UtcDateTime
from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.inventory.flash_sale.domain import (
    CLOSED,
    Admission,
    AdmissionOrder,
    Counters,
    Sale,
    SaleAudit,
    SaleState,
    Terms,
)
from amazonlite.inventory.flash_sale.tables import flash_sale, sale_turnout
from amazonlite.inventory.reservations.domain import Reservation, ReservationState
from amazonlite.inventory.reservations.store import Overdue, reservation, reservation_line, with_lines
from amazonlite.inventory.stock.domain import EntryKind
from amazonlite.inventory.stock.store import DB_NOW, ledger


def _timed(*more: Any) -> Select[Any]:
    return select(flash_sale, literal_column("SYSDATE(6)", UtcDateTime()).label("now"), *more)


# What every claim needs is built once: building a statement costs more than its round trip.
_FIND = _timed().where(flash_sale.c.id == bindparam("sale_id"))
_LOCK = _FIND.with_for_update()
_HOLDS = select(reservation).where(
    reservation.c.sale_id == bindparam("sale_id"), reservation.c.customer_id.in_(bindparam("customers", expanding=True))
)


@dataclass(frozen=True, slots=True)
class Turnout:
    """How many were let in to claim, and how many were told that the sale is over, since the sale was made."""

    admitted: int = 0
    rejected: int = 0


async def add(uow: UnitOfWork, sale: Sale) -> None:
    """With all counters at zero: ``book`` moves them. IntegrityError: the id or the SKU is taken."""
    terms = sale.terms
    await uow.execute(
        insert(flash_sale).values(
            id=sale.id,
            fingerprint=sale.fingerprint,
            name=terms.name,
            sku=terms.sku,
            open_sku=None if sale.state in CLOSED else terms.sku,
            price_amount=terms.unit_price.amount,
            price_currency=terms.unit_price.currency,
            starts_at=terms.starts_at,
            ends_at=terms.ends_at,
            per_customer_limit=terms.per_customer_limit,
            hold_seconds=int(terms.hold_ttl.total_seconds()),
            pre_queue_seconds=int(terms.pre_queue.total_seconds()),
            max_active=sale.admission.max_active,
            rate_per_second=sale.admission.rate_per_second,
            admission_order=sale.admission.order.value,
            rehearsal=terms.rehearsal,
            quantity=terms.quantity,
            state=sale.state.value,
            version=sale.version,
            fence=sale.fence,
            last_step=sale.last_step,
            closed_at=DB_NOW if sale.state in CLOSED else None,
        )
    )


async def find(uow: UnitOfWork, sale_id: str) -> tuple[Sale, datetime] | None:
    """The sale and the database's time."""
    row = (await uow.execute(_FIND, {"sale_id": sale_id})).one_or_none()
    return None if row is None else (_sale(row), row.now)


async def lock(uow: UnitOfWork, sale_id: str) -> tuple[Sale, datetime] | None:
    """As ``find``; the time is read once the lock is had."""
    row = (await uow.execute(_LOCK, {"sale_id": sale_id})).one_or_none()
    return None if row is None else (_sale(row), row.now)


async def on_sale(uow: UnitOfWork, sku: str) -> str | None:
    """The sale of this SKU that is not over."""
    found: str | None = (await uow.execute(select(flash_sale.c.id).where(flash_sale.c.open_sku == sku))).scalar()
    return found


async def list_all(uow: UnitOfWork, limit: int) -> list[Sale]:
    """Newest first, rehearsals left out."""
    statement = select(flash_sale).where(flash_sale.c.rehearsal.is_(False)).order_by(flash_sale.c.starts_at.desc())
    return [_sale(row) for row in await uow.execute(statement.limit(limit))]


async def list_running(uow: UnitOfWork, closed_within: timedelta) -> list[tuple[Sale, datetime]]:
    """Sales that are not over, and those closed a moment ago whose shoppers may not know it yet."""
    seconds = int(closed_within.total_seconds())
    recent = flash_sale.c.closed_at > text(f"SYSDATE(6) - INTERVAL {seconds} SECOND")
    rows = await uow.execute(_timed().where(or_(flash_sale.c.closed_at.is_(None), recent)))
    return [(_sale(row), row.now) for row in rows]


async def save(uow: UnitOfWork, sale: Sale) -> None:
    """Writes what the operator may change; the counters belong to ``book``."""
    closed = sale.state in CLOSED
    closing: dict[str, Any] = {"open_sku": None, "closed_at": func.coalesce(flash_sale.c.closed_at, DB_NOW)}
    settling = {"settled_at": func.coalesce(flash_sale.c.settled_at, DB_NOW)}
    await uow.execute(
        update(flash_sale)
        .where(flash_sale.c.id == sale.id)
        .values(
            state=sale.state.value,
            version=sale.version,
            fence=sale.fence,
            last_step=sale.last_step,
            max_active=sale.admission.max_active,
            rate_per_second=sale.admission.rate_per_second,
            **(closing if closed else {}),
            **(settling if sale.settled else {}),
        )
    )


async def holds_of_customers(uow: UnitOfWork, sale_id: str, customers: Collection[str]) -> list[Reservation]:
    """Every hold these customers ever had on the sale, whatever became of it."""
    rows = await uow.execute(_HOLDS, {"sale_id": sale_id, "customers": list(customers)})
    return await with_lines(uow, list(rows))


async def holds_of_claims(uow: UnitOfWork, claim_keys: Collection[str]) -> dict[str | None, Reservation]:
    """By claim key; a claim that got none is not in it."""
    rows = await uow.execute(select(reservation).where(reservation.c.claim_key.in_(claim_keys)))
    return {hold.claim_key: hold for hold in await with_lines(uow, list(rows))}


async def find_holds(uow: UnitOfWork, sale_id: str, limit: int) -> list[Overdue]:
    """Holds of the sale that nobody has paid for yet, not locked."""
    held = (reservation.c.sale_id == sale_id, reservation.c.state == ReservationState.HELD.value)
    statement = select(reservation.c.id, reservation.c.order_id).where(*held).order_by(reservation.c.id).limit(limit)
    return [Overdue(row.id, row.order_id, sale_id) for row in await uow.execute(statement)]


async def find_hold(uow: UnitOfWork, order_id: str) -> tuple[Reservation, Sale] | None:
    """The hold that an order was made from, and its sale; None for rehearsals, which have no orders."""
    found = await with_lines(
        uow, list(await uow.execute(select(reservation).where(reservation.c.order_id == order_id)))
    )
    sale = await find(uow, found[0].sale_id) if found and found[0].sale_id else None
    return None if sale is None or sale[0].terms.rehearsal else (found[0], sale[0])


async def audit_sale(uow: UnitOfWork, sale_id: str) -> SaleAudit | None:
    """One statement, so that all of it is read from one snapshot while claims go on."""
    holds = (
        select(
            literal_column("'hold'").label("source"),
            reservation.c.state.label("kind"),
            func.sum(reservation_line.c.quantity).label("units"),
            func.min(reservation.c.expires_at).label("oldest"),
        )
        .join(reservation_line, reservation_line.c.reservation_id == reservation.c.id)
        .where(reservation.c.sale_id == sale_id)
        .group_by(reservation.c.state)
    )
    entries = (
        select(literal_column("'entry'"), ledger.c.kind, func.sum(ledger.c.quantity), null())
        .where(ledger.c.sale_id == sale_id)
        .group_by(ledger.c.kind)
    )
    sums = holds.union_all(entries).subquery("sums")
    statement = _timed(sums).outerjoin(sums, text("TRUE")).where(flash_sale.c.id == sale_id)
    return _books(list(await uow.execute(statement)))


async def turnout(uow: UnitOfWork, sale_id: str) -> Turnout:
    statement = select(sale_turnout.c.admitted, sale_turnout.c.rejected).where(sale_turnout.c.sale_id == sale_id)
    row = (await uow.execute(statement)).one_or_none()
    return Turnout() if row is None else Turnout(*row)


async def save_turnout(uow: UnitOfWork, sale_id: str, seen: Turnout) -> None:
    """The counts only grow, whichever pod writes last."""
    statement = upsert(sale_turnout).values(sale_id=sale_id, admitted=seen.admitted, rejected=seen.rejected)
    await uow.execute(
        statement.on_duplicate_key_update(
            admitted=func.greatest(sale_turnout.c.admitted, seen.admitted),
            rejected=func.greatest(sale_turnout.c.rejected, seen.rejected),
        )
    )


def _books(rows: Sequence[Row[Any]]) -> SaleAudit | None:
    if not rows:
        return None
    holds = {ReservationState(row.kind): row for row in rows if row.source == "hold"}
    now = rows[0].now
    held = holds.get(ReservationState.HELD)
    oldest = held.oldest if held is not None else None
    return SaleAudit(
        sale=_sale(rows[0]),
        now=now,
        units={state: int(row.units) for state, row in holds.items()},
        ledger={EntryKind(row.kind): int(row.units) for row in rows if row.source == "entry"},
        oldest_overdue=oldest if oldest is not None and oldest <= now else None,
    )


def _sale(row: Row[Any]) -> Sale:
    return Sale(
        id=row.id,
        terms=Terms(
            name=row.name,
            sku=row.sku,
            quantity=row.quantity,
            unit_price=Money(row.price_amount, row.price_currency),
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            per_customer_limit=row.per_customer_limit,
            hold_ttl=timedelta(seconds=row.hold_seconds),
            pre_queue=timedelta(seconds=row.pre_queue_seconds),
            rehearsal=bool(row.rehearsal),
        ),
        admission=Admission(row.max_active, row.rate_per_second, AdmissionOrder(row.admission_order)),
        counters=Counters(row.allocated, row.free, row.held, row.sold, row.returned),
        state=SaleState(row.state),
        version=row.version,
        fence=row.fence,
        fingerprint=row.fingerprint,
        last_step=row.last_step,
        settled=row.settled_at is not None,
    )
