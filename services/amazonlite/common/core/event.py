"""An event is a fact with an id, about one aggregate; it is immutable once made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from amazonlite.common.core import context
from amazonlite.common.core.clock import Clock, iso
from amazonlite.common.core.ids import IdSource

SCHEMA_BASE = "https://amazonlite.dev/schemas/"


@dataclass(frozen=True, slots=True)
class Event:
    """`type` is also the Kafka topic; `subject`, the aggregate's id, is also the Kafka key."""

    id: str
    type: str
    source: str
    subject: str
    time: datetime
    data: Mapping[str, Any]
    correlation_id: str = ""
    traceparent: str = ""


def new_event(
    type: str,
    subject: str,
    data: Mapping[str, Any],
    *,
    source: str,
    clock: Clock,
    ids: IdSource,
    correlation_id: str | None = None,
    traceparent: str | None = None,
) -> Event:
    return Event(
        id=ids("evt"),
        type=type,
        source=source,
        subject=subject,
        time=clock.now(),
        data=data,
        correlation_id=context.correlation_id.get() if correlation_id is None else correlation_id,
        traceparent=context.traceparent.get() if traceparent is None else traceparent,
    )


def as_cloud_event(event: Event) -> dict[str, Any]:
    """The CloudEvents 1.0 attributes; `dataschema` has no revision because all revisions of a type are compatible."""
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": event.id,
        "type": event.type,
        "source": event.source,
        "subject": event.subject,
        "time": iso(event.time),
        "datacontenttype": "application/json",
        "dataschema": SCHEMA_BASE + event.type,
        "data": event.data,
    }
    if event.correlation_id:
        attributes["correlationid"] = event.correlation_id
    if event.traceparent:
        attributes["traceparent"] = event.traceparent
    return attributes
