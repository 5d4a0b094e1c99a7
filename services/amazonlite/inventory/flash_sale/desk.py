"""What a sale's use cases work with: the database that decides, the queue that admits, the tickets between them."""

from __future__ import annotations

from dataclasses import dataclass

from amazonlite.inventory.desk import Desk
from amazonlite.inventory.flash_sale.batcher import ClaimBatcher
from amazonlite.inventory.flash_sale.queue_store import QueueStore
from amazonlite.inventory.flash_sale.ticket import TicketOffice


@dataclass(frozen=True, slots=True)
class QueueDesk:
    desk: Desk
    queue: QueueStore
    tickets: TicketOffice


@dataclass(frozen=True, slots=True)
class SaleDesk(QueueDesk):
    batcher: ClaimBatcher
