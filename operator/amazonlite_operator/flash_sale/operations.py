"""What a FlashSale reads and changes."""

from __future__ import annotations

from dataclasses import replace

from amazonlite_operator.flash_sale import metrics
from amazonlite_operator.flash_sale.actions import Effect, RememberFloors, RestoreFloors, StopClaims
from amazonlite_operator.flash_sale.moves import inventory_away
from amazonlite_operator.flash_sale.observation import SaleObservation
from amazonlite_operator.flash_sale.observe import Observer, SaleResource
from amazonlite_operator.flash_sale.perform import Effects
from amazonlite_operator.flash_sale.reasons import Reason
from amazonlite_operator.flash_sale.slo import CLAIMS
from amazonlite_operator.flash_sale.spec import FlashSaleSpec
from amazonlite_operator.flash_sale.status import FlashSaleStatus
from amazonlite_operator.kind.actions import Wait
from amazonlite_operator.kind.moves import SOON, STALLED_FOR
from amazonlite_operator.kind.operations import Clients, Operations
from amazonlite_operator.kube.controller import Key
from amazonlite_operator.shop.books import Bookkeeping
from amazonlite_operator.shop.client import Refusal, Unreachable
from amazonlite_operator.shop.counters import PodCounters
from amazonlite_operator.shop.inventory import Inventory
from amazonlite_operator.shop.scrape import PodScraper

ASKED_BEFORE_HOLDS_END, DELETE_AGAIN = frozenset({"payment", "auth"}), 2.0

_REFUSALS = {
    "unknown_sku": Reason.UNKNOWN_SKU,
    "insufficient_stock": Reason.INSUFFICIENT_STOCK,
    "sku_on_sale": Reason.SKU_ON_SALE,
    "holds_outstanding": Reason.HOLDS_OUTSTANDING,
}


def connect(clients: Clients) -> FlashSales:
    settings, kube = clients.settings, clients.kube
    inventory = Inventory(clients.service(settings.inventory_url))
    books = Bookkeeping(clients.service(settings.order_url), clients.service(settings.payment_url))
    claims = PodCounters(PodScraper(kube, clients.session), "inventory", CLAIMS)
    return FlashSales(Observer(kube, inventory, books, claims, clients.clock), Effects(kube, inventory, settings))


class FlashSales(Operations[FlashSaleSpec, FlashSaleStatus, SaleObservation, Effect]):
    # Two sales that end together would each leave the replicas to the other, and nobody would put them back.
    one_at_a_time = (RememberFloors, RestoreFloors)

    def __init__(self, observer: Observer, effects: Effects) -> None:
        self._observer = observer
        self._effects = effects

    async def observe(self, resource: SaleResource) -> SaleObservation:
        return await self._observer.observe(resource)

    async def perform(self, effect: Effect, o: SaleObservation, fence: int) -> FlashSaleStatus | Wait | None:
        return await self._effects.perform(effect, o, fence)

    def refused(self, o: SaleObservation, refusal: Refusal) -> Wait:
        reason = _REFUSALS.get(refusal.code, Reason.SALE_REFUSED)
        stalled = reason is not Reason.HOLDS_OUTSTANDING
        message = f"{refusal.detail} {reason.explanation}"
        return Wait(STALLED_FOR if stalled else SOON, reason, message, stalled=stalled)

    def unreachable(self, o: SaleObservation, effect: object, error: Unreachable) -> Wait:
        if isinstance(effect, StopClaims):
            return replace(effect.then, seconds=SOON) if isinstance(effect.then, Wait) else inventory_away(o)
        return _deletion_waits(o, error) or Wait(None, Reason.INVENTORY_UNAVAILABLE)

    def export(self, key: Key, status: FlashSaleStatus) -> None:
        metrics.export(key.namespace, key.name, status)

    def drop(self, key: Key, uid: str) -> None:
        self._observer.drop(uid)
        metrics.drop(key.namespace, key.name)


def _deletion_waits(o: SaleObservation, unreachable: Unreachable) -> Wait | None:
    """Inventory can be read, but does not delete: before it ends holds it asks payment which of them are paid."""
    held = o.sale.stock.held if o.deleting and o.sale is not None else 0
    if unreachable.service in ASKED_BEFORE_HOLDS_END:
        silent = f"{unreachable.service} does not answer, so nobody knows which orders are paid"
        message = f"{silent}: paid orders are not given up; {held} units stay held until it does"
        return Wait(DELETE_AGAIN, Reason.PAYMENTS_UNAVAILABLE, message)
    if held:
        return Wait(DELETE_AGAIN, Reason.HOLDS_OUTSTANDING, f"{held} units are held; inventory has not ended them yet")
    return None
