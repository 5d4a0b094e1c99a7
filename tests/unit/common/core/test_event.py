from __future__ import annotations

from datetime import UTC, datetime

from amazonlite.common.core import context
from amazonlite.common.core.event import Event, as_cloud_event, new_event
from amazonlite.common.testing.fakes import FakeClock, SequentialIds

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def made(**given: str) -> Event:
    return new_event(
        "order.created.v1", "ord_1", {"n": 1}, source="/order", clock=FakeClock(NOON), ids=SequentialIds(), **given
    )


def test_an_event_takes_correlation_and_trace_from_its_context() -> None:
    tokens = context.correlation_id.set("cor-1"), context.traceparent.set("00-a-b-01")
    try:
        assert (made().correlation_id, made().traceparent) == ("cor-1", "00-a-b-01")
        assert made(correlation_id="", traceparent="").correlation_id == ""
    finally:
        context.correlation_id.reset(tokens[0])
        context.traceparent.reset(tokens[1])


def test_a_cloud_event_names_type_subject_and_schema() -> None:
    event = made(correlation_id="cor-1", traceparent="")
    assert as_cloud_event(event) == {
        "specversion": "1.0",
        "id": event.id,
        "type": "order.created.v1",
        "source": "/order",
        "subject": "ord_1",
        "time": "2030-01-01T12:00:00Z",
        "datacontenttype": "application/json",
        "dataschema": "https://amazonlite.dev/schemas/order.created.v1",
        "data": {"n": 1},
        "correlationid": "cor-1",
    }
