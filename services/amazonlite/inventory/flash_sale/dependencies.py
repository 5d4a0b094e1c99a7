"""What a sale's use cases work with: the database that decides, the queue that admits, the tickets between them."""

from __future__ import annotations

from dataclasses import dataclass

from amazonlite.inventory.dependencies import Dependencies
from amazonlite.inventory.flash_sale.batcher import ClaimBatcher
from amazonlite.inventory.flash_sale.queue_store import QueueStore
from amazonlite.inventory.flash_sale.ticket import TicketOffice


@dataclass(frozen=True, slots=True)
class QueueDependencies:
    inventory: Dependencies
    queue: QueueStore
    tickets: TicketOffice


@dataclass(frozen=True, slots=True)
class SaleDependencies(QueueDependencies):
    batcher: ClaimBatcher
