"""The reasons of a FlashSale's own that its conditions and Events give."""

from __future__ import annotations

from amazonlite_operator.kube.reasons import ExplainedReason


class Reason(ExplainedReason):
    # where the sale is, as it should be
    SCHEDULED = "Scheduled", "Stock is set aside; the sale waits for its time."
    REHEARSING = "Rehearsing", "Synthetic customers are buying a shadow SKU."
    RAISING_REPLICAS = "RaisingReplicas", "Target Deployments are being raised, or their pods are not ready yet."
    WAITING_FOR_QUEUE = "WaitingForQueue", "Capacity is ready; the waiting room opens at window.start minus preQueue."
    QUEUE_OPEN = "QueueOpen", "Shoppers can wait in line; nobody can claim yet."
    SALE_OPEN = "SaleOpen", "Shoppers are admitted and can claim."
    PAUSED_BY_SPEC = "PausedBySpec", "spec.paused is true; set it to false to go on."
    PAUSED_BY_BREACH = "PausedByBreach", "The objective was missed; the sale goes on after one slo.window."
    SETTLED = "SaleSettled", "Stock, orders and payments agree; unsold units are back in stock."
    # why a phase was left
    RESUMED = "Resumed", "The pause is over."
    WINDOW_ENDED = "WindowEnded", "window.end has passed."
    SOLD_OUT = "SoldOut", "No unit is free: all are sold, or held until they are paid or come back."
    ABORT_REQUESTED = "AbortRequested", "spec.abort is true."
    ABORTED_BY_BREACH = "AbortedByBreach", "The objective was missed and onBreach is Abort."
    SALE_ABORTED = "SaleAborted", "The sale was ended early; paid orders stay, the rest is back in stock."
    WINDOW_MISSED = "WindowMissed", "window.end passed before stock could be set aside; create a new sale."
    # admission
    THROTTLED = "Throttled", "The objective was missed; shoppers are admitted at half the rate."
    THROTTLE_EASED = "ThrottleEased", "The objective is met; shoppers are admitted faster again."
    # what only a person can change, re-checked all the time
    UNKNOWN_SKU = "UnknownSku", "Inventory has no such SKU: add it with PUT /api/inventory/{sku}, or correct spec.sku."
    INSUFFICIENT_STOCK = "InsufficientStock", "Less is available than spec.quantity: restock, or lower spec.quantity."
    SKU_ON_SALE = "SkuOnSale", "Another sale holds this SKU: wait for it to end, or delete it."
    DEPLOYMENT_NOT_FOUND = "DeploymentNotFound", "A prewarm target does not exist: create it, or correct the name."
    SALE_REFUSED = "SaleRefused", "Inventory refuses the sale; the message says why."
    SALE_LOST = "SaleLost", "Inventory no longer knows the sale it had set stock aside for: restore its database."
    HOLDS_OVERDUE = (
        "HoldsOverdue",
        "Claimed units are still held long after holdTTL: look at inventory, and at payment, which it asks first.",
    )
    # what passes by itself
    INVENTORY_UNAVAILABLE = "InventoryUnavailable", "Inventory does not answer; tried again with growing pauses."
    PAYMENTS_UNAVAILABLE = (
        "PaymentsUnavailable",
        "Payments do not answer: paid orders are not given up. The deletion goes on when they do: look at payment.",
    )
    HOLDS_OUTSTANDING = "HoldsOutstanding", "Claimed units wait for their payment or their release."
    AWAITING_BOOKS = "AwaitingBooks", "Orders or payments are still under way, or do not answer."
    # CapacityReady
    NO_TARGETS = "NoTargets", "The sale asks for no replicas."
    BEFORE_PREWARM = "BeforePrewarm", "Replicas are raised at window.start minus leadTime."
    REPLICAS_READY = "ReplicasReady", "Every target has the ready replicas asked for."
    REPLICAS_NOT_READY = "ReplicasNotReady", "A target has too few ready replicas; the sale opens when it has them."
    FLOORS_RESTORED = "FloorsRestored", "The sale is over and replicas are back where they were."
    # StockConserved
    NOT_ALLOCATED = "NotAllocated", "No stock is set aside yet."
    STOCK_CONSERVED = "StockConserved", "allocated = free + held + sold in counters, holds and ledger."
    STOCK_NOT_CONSERVED = "StockNotConserved", "Counters, holds and ledger disagree, or units are oversold."
    # PaidOrdersKept
    PAID_ORDERS_KEPT = "PaidOrdersKept", "Every payment that was authorized has its order, or its customer cancelled."
    PAYMENTS_NOT_READ = (
        "PaymentsNotRead",
        "Payments have not been read for 30 s: they are asked once the doors are open, and may not answer.",
    )
    PAID_ORDERS_LOST = (
        "PaidOrdersLost",
        "Customers were told that they have paid and lost their orders: docs/operator.md says how to find them.",
    )
    # SLOMet
    NO_OBJECTIVE = "NoObjective", "The sale has no slo."
    OBJECTIVE_MET = "ObjectiveMet", "Claims within slo.window kept p95 and successRate."
    OBJECTIVE_MISSED = "ObjectiveMissed", "Claims within slo.window missed p95 or successRate."
    INSUFFICIENT_SAMPLES = "InsufficientSamples", "Fewer claims than slo.minSamples within slo.window."
    # Settled
    NOT_SETTLED_YET = "NotSettledYet", "The sale is not over."
    BOOKS_BALANCED = "BooksBalanced", "Units sold = units ordered, and their price = payments captured or authorized."
    RECONCILIATION_MISMATCH = "ReconciliationMismatch", "Stock sold, orders and payments disagree after settleTimeout."
    # rehearsals
    REHEARSAL_PASSED = "RehearsalPassed", "Synthetic customers got what the objective asks for."
    REHEARSAL_FAILED = "RehearsalFailed", "The objective was missed, or the Job failed; the sale goes on."
    REHEARSAL_SKIPPED = "RehearsalSkipped", "Too little time before replicas are raised; the sale goes on."
    REHEARSAL_CUT_SHORT = "RehearsalCutShort", "The rehearsal was ended because replicas had to be raised."
    REHEARSAL_WITHDRAWN = "RehearsalWithdrawn", "spec.rehearsal was taken out while it was under way; the sale goes on."


# Waiting for these is what the spec asks for at this time: the sale is as it should be.
AS_ASKED = frozenset(
    {
        Reason.SCHEDULED,
        Reason.WAITING_FOR_QUEUE,
        Reason.QUEUE_OPEN,
        Reason.SALE_OPEN,
        Reason.SOLD_OUT,
        Reason.PAUSED_BY_SPEC,
    }
)
