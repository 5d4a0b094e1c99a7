"""The registry: all that has to know every kind reads it here, and no kind is named anywhere else."""

from __future__ import annotations

from amazonlite_operator.flash_sale.kind import FLASH_SALE
from amazonlite_operator.kind.kind import AnyKind

# A kind a line.
KINDS: tuple[AnyKind, ...] = (
    FLASH_SALE,
)  # fmt: skip
