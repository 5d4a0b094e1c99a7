"""Lets shoppers in faster or slower; those who are in stay in."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from amazonlite.common.core.operator_step import OperatorStep
from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.inventory.flash_sale.dependencies import SaleDependencies
from amazonlite.inventory.flash_sale.domain import Sale
from amazonlite.inventory.flash_sale.step import take_step


async def change_admission(
    deps: SaleDependencies, sale_id: str, *, max_active: int | None, rate_per_second: float | None, step: OperatorStep
) -> tuple[Sale, datetime]:
    """None leaves a number as it is."""

    async def change(_: UnitOfWork, sale: Sale) -> Sale:
        now = sale.admission
        wanted = replace(
            now,
            max_active=now.max_active if max_active is None else max_active,
            rate_per_second=now.rate_per_second if rate_per_second is None else rate_per_second,
        )
        return replace(sale, admission=wanted)

    return await take_step(deps, sale_id, step, change)
