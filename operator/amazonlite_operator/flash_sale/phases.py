"""The phases of a FlashSale and the only ways between them; docs/operator.md draws its diagram from this table."""

from __future__ import annotations

from enum import StrEnum

from amazonlite_operator.kind.phases import PhaseTable


class Phase(StrEnum):
    PENDING = "Pending"
    REHEARSING = "Rehearsing"
    PREWARMING = "Prewarming"
    QUEUEING = "Queueing"
    LIVE = "Live"
    PAUSED = "Paused"
    DRAINING = "Draining"
    SETTLED = "Settled"
    ABORTED = "Aborted"
    FAILED = "Failed"


P = Phase

PHASES = PhaseTable(
    {
        P.PENDING: {
            P.REHEARSING: "stock is set aside, a rehearsal is asked for",
            P.PREWARMING: "stock is set aside, lead time has come",
            P.DRAINING: "abort, or the window is over",
            P.FAILED: "the window was over before stock could be set aside",
        },
        P.REHEARSING: {P.PREWARMING: "rehearsed, lead time has come", P.DRAINING: "abort, or the window is over"},
        P.PREWARMING: {
            P.QUEUEING: "replicas are ready, the waiting room's time has come",
            P.DRAINING: "abort, or the window is over",
        },
        P.QUEUEING: {P.LIVE: "replicas are ready, the window has begun", P.DRAINING: "abort, or the window is over"},
        P.LIVE: {
            P.PAUSED: "spec.paused, or a breach with onBreach Pause",
            P.DRAINING: "the window is over, all is sold, abort, or a breach with onBreach Abort",
        },
        P.PAUSED: {P.LIVE: "no longer paused", P.DRAINING: "the window is over, all is sold, or abort"},
        P.DRAINING: {
            P.SETTLED: "nothing is held, the books agree",
            P.ABORTED: "after an abort: nothing is held, the books agree",
            P.FAILED: "stock, orders and payments disagree, or a paid order was lost",
        },
        P.SETTLED: {},
        P.ABORTED: {},
        P.FAILED: {},
    }
)
