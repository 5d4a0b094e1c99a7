"""What one request or one message carries along: logs, outgoing calls and events read it from here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")
traceparent: ContextVar[str] = ContextVar("traceparent", default="")


@contextmanager
def following(correlation: str, parent: str) -> Iterator[None]:
    """What is done inside follows from a message of a group: its events and logs carry that message's ids."""
    before = correlation_id.set(correlation), traceparent.set(parent)
    try:
        yield
    finally:
        correlation_id.reset(before[0])
        traceparent.reset(before[1])
