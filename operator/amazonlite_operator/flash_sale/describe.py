"""What the status says about an observation: numbers, progress and conditions. Pure."""

from __future__ import annotations

from datetime import timedelta

from amazonlite.common.core.clock import iso
from amazonlite_operator.flash_sale.observation import SaleObservation
from amazonlite_operator.flash_sale.phases import Phase
from amazonlite_operator.flash_sale.reasons import AS_ASKED, Reason
from amazonlite_operator.flash_sale.settle import latest
from amazonlite_operator.flash_sale.status import FlashSaleStatus, Progress, Settlement, Slo, Verdict
from amazonlite_operator.kind.actions import Wait
from amazonlite_operator.kind.conditions import ConditionValue
from amazonlite_operator.kind.decisions import Description
from amazonlite_operator.kind.moves import cluster_refuses
from amazonlite_operator.shop.books import Books
from amazonlite_operator.shop.inventory import Stock

# Six readings are due within it: one that fails proves nothing.
RECENT = timedelta(seconds=30)


def describe(o: SaleObservation, status: FlashSaleStatus, wait: Wait) -> Description[FlashSaleStatus]:
    stock = _stock(o, status)
    seen = status.changed(
        stock=stock,
        oversold=_oversold(o, status),
        queue=o.sale.queue if o.sale else status.queue,
        slo=_measured(o, status),
        progress=_progress(o, status, stock),
        books=_books(o, status),
    )
    capacity = _capacity(o, seen)
    conditions = {
        "CapacityReady": capacity,
        "StockConserved": _conserved(o, seen),
        "PaidOrdersKept": _paid_orders(o, seen),
        "SLOMet": _slo(o, seen),
        "Settled": _settled(seen, wait),
    }
    return Description(seen, _unless_short(wait, capacity), conditions)


def _unless_short(wait: Wait, capacity: ConditionValue) -> Wait:
    """A sale is not as asked while its targets are not: Ready and CapacityReady never disagree."""
    _, reason, message = capacity
    if wait.reason not in AS_ASKED or reason not in (Reason.DEPLOYMENT_NOT_FOUND, Reason.REPLICAS_NOT_READY):
        return wait
    return Wait(wait.seconds, reason, message, stalled=reason is Reason.DEPLOYMENT_NOT_FOUND)


def _capacity(o: SaleObservation, status: FlashSaleStatus) -> ConditionValue:
    if not o.spec.targets:
        return ConditionValue("True", Reason.NO_TARGETS)
    if status.over:
        return ConditionValue("Unknown", Reason.FLOORS_RESTORED)
    if o.capacity_unknown:
        return ConditionValue("Unknown", *cluster_refuses(o.capacity_unknown).reason_and_message)
    if o.missing:
        return ConditionValue("False", Reason.DEPLOYMENT_NOT_FOUND, f"missing: {', '.join(o.missing)}")
    if o.short:
        early = status.phase in (Phase.PENDING, Phase.REHEARSING)
        reason = Reason.BEFORE_PREWARM if early else Reason.REPLICAS_NOT_READY
        return ConditionValue("False", reason, f"ready: {', '.join(o.short)}")
    return ConditionValue("True", Reason.REPLICAS_READY)


def _conserved(o: SaleObservation, status: FlashSaleStatus) -> ConditionValue:
    if status.stock is None or not status.allocated:
        return ConditionValue("Unknown", Reason.NOT_ALLOCATED)
    stock = status.stock
    said = o.sale.conserved if o.sale else status.settlement is None or status.settlement.conserved
    adds_up = stock.allocated == stock.free + stock.held + stock.sold
    if said and adds_up and status.oversold == 0:
        return ConditionValue("True", Reason.STOCK_CONSERVED)
    numbers = f"allocated {stock.allocated}, free {stock.free}, held {stock.held}, sold {stock.sold}"
    return ConditionValue("False", Reason.STOCK_NOT_CONSERVED, f"{numbers}, oversold {status.oversold}")


def _paid_orders(o: SaleObservation, status: FlashSaleStatus) -> ConditionValue:
    """A loss that is known stays; what was read too long ago proves nothing else."""
    if not status.allocated:
        return ConditionValue("Unknown", Reason.NOT_ALLOCATED)
    books, not_read = status.books, Reason.PAYMENTS_NOT_READ
    if books is None:
        return ConditionValue("Unknown", not_read)
    if books.paid_orders_lost:
        lost = f"{books.paid_orders_lost} lost. {Reason.PAID_ORDERS_LOST.explanation}"
        return ConditionValue("False", Reason.PAID_ORDERS_LOST, lost)
    judged = status.outcome is not None and status.outcome.books is not None
    if not judged and (books.read_at is None or abs(o.now - books.read_at) > RECENT):
        last = f"last read at {iso(books.read_at.replace(microsecond=0))}. " if books.read_at else ""
        return ConditionValue("Unknown", not_read, f"{last}{not_read.explanation}")
    return ConditionValue("True", Reason.PAID_ORDERS_KEPT)


def _slo(o: SaleObservation, status: FlashSaleStatus) -> ConditionValue:
    if o.spec.slo is None:
        return ConditionValue("Unknown", Reason.NO_OBJECTIVE)
    slo = status.slo
    if slo is None or slo.verdict is Verdict.INSUFFICIENT:
        samples = slo.samples if slo else 0
        return ConditionValue("Unknown", Reason.INSUFFICIENT_SAMPLES, f"{samples} of {o.spec.slo.min_samples} claims")
    measured = f"p95 {slo.p95_ms} ms, success rate {slo.success_rate}, {slo.samples} claims"
    if slo.verdict is Verdict.PASS:
        return ConditionValue("True", Reason.OBJECTIVE_MET, measured)
    return ConditionValue("False", Reason.OBJECTIVE_MISSED, measured)


def _settled(status: FlashSaleStatus, wait: Wait) -> ConditionValue:
    outcome = status.outcome
    if status.phase in (Phase.SETTLED, Phase.ABORTED) and outcome is not None:
        return ConditionValue("True", Reason.BOOKS_BALANCED, outcome.message)
    if status.phase is Phase.FAILED:
        return ConditionValue("False", wait.reason, wait.message)
    if status.phase is Phase.DRAINING:
        return ConditionValue("False", wait.reason, wait.message)
    return ConditionValue("False", Reason.NOT_SETTLED_YET)


def _measured(o: SaleObservation, status: FlashSaleStatus) -> Slo | None:
    """The last conclusive measurement stays until the next one."""
    if o.spec.slo is None or status.phase is not Phase.LIVE:
        return status.slo
    return status.slo if status.slo and o.slo.verdict is Verdict.INSUFFICIENT else o.slo


def _stock(o: SaleObservation, status: FlashSaleStatus) -> Stock | None:
    if (settlement := _settlement(o, status)) is not None:
        return settlement.stock
    return o.sale.stock if o.sale else status.stock


def _settlement(o: SaleObservation, status: FlashSaleStatus) -> Settlement | None:
    """As it is now until the sale is judged; `o.sale` was read before the settlement that `o` does not know."""
    if status.settlement is None or status.outcome is not None or o.status.settlement is None:
        return status.settlement
    return latest(status.settlement, o.sale)


def _oversold(o: SaleObservation, status: FlashSaleStatus) -> int:
    if (settlement := _settlement(o, status)) is not None:
        return settlement.oversold
    sold_beyond = max(0, o.sale.stock.sold - o.spec.quantity) if o.sale else 0
    return max(o.sale.oversold, sold_beyond) if o.sale else status.oversold


def _books(o: SaleObservation, status: FlashSaleStatus) -> Books | None:
    """What the sale was judged by, else the later reading: another replica may have led and read since."""
    if status.outcome is not None and status.outcome.books is not None:
        return status.outcome.books
    read, kept = o.books, status.books
    if read is None or kept is None or kept.read_at is None or read.read_at is None:
        return read or kept
    return kept if read.read_at < kept.read_at <= o.now else read


def _progress(o: SaleObservation, status: FlashSaleStatus, stock: Stock | None) -> Progress:
    sold, total = stock.sold if stock else 0, o.spec.quantity
    eta = None
    if status.phase is Phase.LIVE and status.started_at is not None and sold:
        pace = sold / max(1.0, (o.now - status.started_at) / timedelta(seconds=1))
        eta = o.now + timedelta(seconds=(total - sold) / pace)
    return Progress(sold=sold, total=total, percent=min(100, 100 * sold // total), eta=eta)
