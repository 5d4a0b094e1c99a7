"""What every relay tells of its work, whatever the outbox is kept in."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

OLDEST_UNSENT = Gauge("outbox_oldest_unsent_seconds", "Age of the oldest event waiting to be sent, held ones apart")
SENT = Counter("outbox_sent_total", "Events the broker acknowledged")
POISONED = Gauge("outbox_poisoned", "Events or documents that the broker refused")
