"""What the status says about one look: numbers, progress and conditions. Pure."""

from __future__ import annotations

from datetime import timedelta

from amazonlite.common.core.clock import iso
from amazonlite_operator.flash_sale.actions import Wait
from amazonlite_operator.flash_sale.observed import Observed
from amazonlite_operator.flash_sale.phases import TERMINAL, Phase
from amazonlite_operator.flash_sale.reasons import Reason
from amazonlite_operator.flash_sale.settle import latest
from amazonlite_operator.flash_sale.state import FlashSaleStatus, Progress, Settlement, Slo, Verdict
from amazonlite_operator.kube.schema import Condition
from amazonlite_operator.shop.books import Books
from amazonlite_operator.shop.inventory import Stock

# Waiting for these is what the spec asks for at this time: the sale is as it should be.
_AS_ASKED = frozenset(
    {
        Reason.SCHEDULED,
        Reason.WAITING_FOR_QUEUE,
        Reason.QUEUE_OPEN,
        Reason.SALE_OPEN,
        Reason.SOLD_OUT,
        Reason.PAUSED_BY_SPEC,
    }
)
# Six readings are due within it: one that fails proves nothing.
RECENT = timedelta(seconds=30)
Judged = tuple[str, Reason, str]


def described(o: Observed, status: FlashSaleStatus, wait: Wait) -> FlashSaleStatus:
    """The status to write: `status` says where the sale is, `wait` why it goes no further just now."""
    if o.invalid is not None:
        return _only_kstatus(o, status, wait)
    stock = _stock(o, status)
    seen = status.changed(
        observed_generation=o.generation,
        stock=stock,
        oversold=_oversold(o, status),
        queue=o.sale.queue if o.sale else status.queue,
        slo=_measured(o, status),
        progress=_progress(o, status, stock),
        books=_books(o, status),
    )
    capacity = _capacity(o, seen)
    judged = {
        **_kstatus(seen, _unless_short(wait, capacity)),
        "CapacityReady": capacity,
        "StockConserved": _conserved(o, seen),
        "PaidOrdersKept": _paid_orders(o, seen),
        "SLOMet": _slo(o, seen),
        "Settled": _settled(seen, wait),
    }
    return seen.changed(conditions=[_condition(o, status, kind, *judged[kind]) for kind in judged])


def _unless_short(wait: Wait, capacity: Judged) -> Wait:
    """A sale is not as asked while its targets are not: Ready and CapacityReady never disagree."""
    _, reason, message = capacity
    if wait.reason not in _AS_ASKED or reason not in (Reason.DEPLOYMENT_NOT_FOUND, Reason.REPLICAS_NOT_READY):
        return wait
    return Wait(wait.seconds, reason, message, stalled=reason is Reason.DEPLOYMENT_NOT_FOUND)


def _only_kstatus(o: Observed, status: FlashSaleStatus, wait: Wait) -> FlashSaleStatus:
    """What cannot be read cannot be judged: all else stays as it was."""
    judged = {kind: _condition(o, status, kind, *judgement) for kind, judgement in _kstatus(status, wait).items()}
    others = [condition for condition in status.conditions if condition.type not in judged]
    return status.changed(observed_generation=o.generation, conditions=[*judged.values(), *others])


def _kstatus(status: FlashSaleStatus, wait: Wait) -> dict[str, Judged]:
    """Ready, Reconciling and Stalled as kstatus reads them; exactly one of them is True.

    A sale that is over is not in progress: it ended as the spec asks (settled, or aborted by a person), or it failed.
    """
    message = wait.message or wait.reason.explanation
    failed = status.phase is Phase.FAILED or _aborted_by_breach(status)
    as_asked = status.phase in TERMINAL or (wait.reason in _AS_ASKED and status.phase is not Phase.DRAINING)
    stalled = wait.stalled or failed
    ready = as_asked and not stalled
    reconciling = not ready and not stalled
    return {
        "Ready": ("True" if ready else "False", wait.reason, message),
        "Reconciling": ("True" if reconciling else "False", wait.reason, message),
        "Stalled": ("True" if stalled else "False", wait.reason, message),
    }


def _aborted_by_breach(status: FlashSaleStatus) -> bool:
    return status.phase is Phase.ABORTED and status.abort_reason == Reason.ABORTED_BY_BREACH


def _capacity(o: Observed, status: FlashSaleStatus) -> Judged:
    if not o.spec.targets:
        return "True", Reason.NO_TARGETS, Reason.NO_TARGETS.explanation
    if status.phase in TERMINAL:
        return "Unknown", Reason.FLOORS_RESTORED, Reason.FLOORS_RESTORED.explanation
    if o.capacity_unknown:
        return "Unknown", Reason.CLUSTER_REFUSES, f"{o.capacity_unknown} {Reason.CLUSTER_REFUSES.explanation}"
    if o.missing:
        return "False", Reason.DEPLOYMENT_NOT_FOUND, f"missing: {', '.join(o.missing)}"
    if o.short:
        early = status.phase in (Phase.PENDING, Phase.REHEARSING)
        reason = Reason.BEFORE_PREWARM if early else Reason.REPLICAS_NOT_READY
        return "False", reason, f"ready: {', '.join(o.short)}"
    return "True", Reason.REPLICAS_READY, Reason.REPLICAS_READY.explanation


def _conserved(o: Observed, status: FlashSaleStatus) -> Judged:
    if status.stock is None or not status.allocated:
        return "Unknown", Reason.NOT_ALLOCATED, Reason.NOT_ALLOCATED.explanation
    stock = status.stock
    said = o.sale.conserved if o.sale else status.settlement is None or status.settlement.conserved
    adds_up = stock.allocated == stock.free + stock.held + stock.sold
    if said and adds_up and status.oversold == 0:
        return "True", Reason.STOCK_CONSERVED, Reason.STOCK_CONSERVED.explanation
    numbers = f"allocated {stock.allocated}, free {stock.free}, held {stock.held}, sold {stock.sold}"
    return "False", Reason.STOCK_NOT_CONSERVED, f"{numbers}, oversold {status.oversold}"


def _paid_orders(o: Observed, status: FlashSaleStatus) -> Judged:
    """A loss that is known stays; what was read too long ago proves nothing else."""
    if not status.allocated:
        return "Unknown", Reason.NOT_ALLOCATED, Reason.NOT_ALLOCATED.explanation
    books, not_read = status.books, Reason.PAYMENTS_NOT_READ
    if books is None:
        return "Unknown", not_read, not_read.explanation
    if books.paid_orders_lost:
        lost = f"{books.paid_orders_lost} lost. {Reason.PAID_ORDERS_LOST.explanation}"
        return "False", Reason.PAID_ORDERS_LOST, lost
    judged = status.outcome is not None and status.outcome.books is not None
    if not judged and (books.read_at is None or abs(o.now - books.read_at) > RECENT):
        last = f"last read at {iso(books.read_at.replace(microsecond=0))}. " if books.read_at else ""
        return "Unknown", not_read, f"{last}{not_read.explanation}"
    return "True", Reason.PAID_ORDERS_KEPT, Reason.PAID_ORDERS_KEPT.explanation


def _slo(o: Observed, status: FlashSaleStatus) -> Judged:
    if o.spec.slo is None:
        return "Unknown", Reason.NO_OBJECTIVE, Reason.NO_OBJECTIVE.explanation
    slo = status.slo
    if slo is None or slo.verdict is Verdict.INSUFFICIENT:
        samples = slo.samples if slo else 0
        return "Unknown", Reason.INSUFFICIENT_SAMPLES, f"{samples} of {o.spec.slo.min_samples} claims"
    measured = f"p95 {slo.p95_ms} ms, success rate {slo.success_rate}, {slo.samples} claims"
    if slo.verdict is Verdict.PASS:
        return "True", Reason.OBJECTIVE_MET, measured
    return "False", Reason.OBJECTIVE_MISSED, measured


def _settled(status: FlashSaleStatus, wait: Wait) -> Judged:
    outcome = status.outcome
    if status.phase in (Phase.SETTLED, Phase.ABORTED) and outcome is not None:
        return "True", Reason.BOOKS_BALANCED, outcome.message
    if status.phase is Phase.FAILED:
        return "False", wait.reason, wait.message or wait.reason.explanation
    if status.phase is Phase.DRAINING:
        return "False", wait.reason, wait.message or wait.reason.explanation
    return "False", Reason.NOT_SETTLED_YET, Reason.NOT_SETTLED_YET.explanation


def _measured(o: Observed, status: FlashSaleStatus) -> Slo | None:
    """The last conclusive measurement stays until the next one."""
    if o.spec.slo is None or status.phase is not Phase.LIVE:
        return status.slo
    return status.slo if status.slo and o.slo.verdict is Verdict.INSUFFICIENT else o.slo


def _stock(o: Observed, status: FlashSaleStatus) -> Stock | None:
    if (settlement := _settlement(o, status)) is not None:
        return settlement.stock
    return o.sale.stock if o.sale else status.stock


def _settlement(o: Observed, status: FlashSaleStatus) -> Settlement | None:
    """As it is now until the sale is judged; `o.sale` was looked at before the settlement that `o` does not know."""
    if status.settlement is None or status.outcome is not None or o.status.settlement is None:
        return status.settlement
    return latest(status.settlement, o.sale)


def _oversold(o: Observed, status: FlashSaleStatus) -> int:
    if (settlement := _settlement(o, status)) is not None:
        return settlement.oversold
    sold_beyond = max(0, o.sale.stock.sold - o.spec.quantity) if o.sale else 0
    return max(o.sale.oversold, sold_beyond) if o.sale else status.oversold


def _books(o: Observed, status: FlashSaleStatus) -> Books | None:
    """What the sale was judged by, else the later reading: another replica may have led and read since."""
    if status.outcome is not None and status.outcome.books is not None:
        return status.outcome.books
    read, kept = o.books, status.books
    if read is None or kept is None or kept.read_at is None or read.read_at is None:
        return read or kept
    return kept if read.read_at < kept.read_at <= o.now else read


def _progress(o: Observed, status: FlashSaleStatus, stock: Stock | None) -> Progress:
    sold, total = stock.sold if stock else 0, o.spec.quantity
    eta = None
    if status.phase is Phase.LIVE and status.started_at is not None and sold:
        pace = sold / max(1.0, (o.now - status.started_at) / timedelta(seconds=1))
        eta = o.now + timedelta(seconds=(total - sold) / pace)
    return Progress(sold=sold, total=total, percent=min(100, 100 * sold // total), eta=eta)


def _condition(o: Observed, before: FlashSaleStatus, kind: str, status: str, reason: Reason, message: str) -> Condition:
    old = next((condition for condition in before.conditions if condition.type == kind), None)
    return Condition(
        type=kind,
        status=status,
        reason=reason,
        message=message[:1024],
        last_transition_time=old.last_transition_time if old and old.status == status else o.now,
        observed_generation=o.generation,
    )
