"""What the operator exports about its own work, by kind."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_LONG = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)

QUEUE_DEPTH = Gauge("operator_queue_depth", "Keys waiting to be reconciled", ["kind"])
QUEUE_LAG = Histogram("operator_queue_lag_seconds", "From a key's due time to its start", ["kind"], buckets=_SECONDS)
RECONCILE_SECONDS = Histogram(
    "operator_reconcile_seconds", "Time of one reconciliation", ["kind", "outcome"], buckets=_SECONDS
)
PHASE_SECONDS = Histogram(
    "operator_phase_seconds", "Time spent in a phase, when it is left", ["kind", "phase"], buckets=_LONG
)
PHASE_CHANGES = Counter("operator_phase_changes_total", "Phase changes", ["kind", "phase", "reason"])
OBJECTS = Gauge("operator_objects", "Custom resources by phase", ["kind", "phase"])
EFFECTS = Counter("operator_effects_total", "Effects tried, by step and outcome", ["kind", "effect", "outcome"])
LEADER = Gauge("operator_leader", "1 while this replica leads")
HEARTBEAT_AGE = Gauge("operator_heartbeat_age_seconds", "Since the watch last showed this pod's heartbeat")
