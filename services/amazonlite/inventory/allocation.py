"""What stock and reservations know of a sale: the units allocated to it, and where returned ones go.

All else of a sale is a matter of ``flash_sale``, which stands on this module and never the other way round.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import bindparam, column, select, table, update

from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.inventory.domain import Delta

_COUNTERS = ("allocated", "free", "held", "sold", "returned")
_sale = table("flash_sale", *(column(name) for name in ("id", "rehearsal", "closed_at", *_COUNTERS)))
_MOVE = (
    update(_sale)
    .where(_sale.c.id == bindparam("sale_id"))
    .values({name: _sale.c[name] + bindparam(f"by_{name}") for name in _COUNTERS})
)


async def move(uow: UnitOfWork, sale_id: str, delta: Delta) -> None:
    """Only ``book`` calls this, together with the entries that explain it."""
    await uow.execute(_MOVE, {"sale_id": sale_id} | {f"by_{name}": getattr(delta, name) for name in _COUNTERS})


async def lock_open(uow: UnitOfWork, sale_ids: Collection[str]) -> frozenset[str]:
    """Those of the sales that are not closed; all are locked.

    Units of an open sale's unpaid holds go back to the sale, those of a closed one to general stock.
    """
    if not sale_ids:
        return frozenset()
    statement = select(_sale.c.id, _sale.c.closed_at).where(_sale.c.id.in_(sorted(sale_ids))).order_by(_sale.c.id)
    return frozenset(row.id for row in await uow.execute(statement.with_for_update()) if row.closed_at is None)


async def rehearsals(uow: UnitOfWork, sale_ids: Collection[str]) -> frozenset[str]:
    """Those of the sales that are rehearsals."""
    if not sale_ids:
        return frozenset()
    statement = select(_sale.c.id).where(_sale.c.id.in_(sale_ids), _sale.c.rehearsal.is_(True))
    return frozenset((await uow.execute(statement)).scalars())
