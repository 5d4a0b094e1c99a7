from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from amazonlite.common.core.event import Event
from amazonlite.common.events.envelope import MalformedEvent, decode, encode

EVENT = Event(
    id="evt_1",
    type="order.created.v1",
    source="/order",
    subject="ord_1",
    time=datetime(2030, 1, 1, 12, 0, 0, 123456, tzinfo=UTC),
    data={"orderId": "ord_1", "lines": [{"sku": "a", "quantity": 1}]},
    correlation_id="cor-1",
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
)


def test_an_event_comes_back_as_it_was_sent() -> None:
    assert decode(encode(EVENT)) == EVENT


def test_members_it_does_not_know_are_ignored() -> None:
    body = json.loads(encode(EVENT)) | {"someextension": "x"}
    assert decode(json.dumps(body).encode()) == EVENT


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in json.loads(encode(EVENT)).items() if key != name}


@pytest.mark.parametrize("name", ["specversion", "id", "type", "source", "subject", "time", "data"])
def test_each_attribute_is_needed(name: str) -> None:
    with pytest.raises(MalformedEvent, match=name):
        decode(json.dumps(without(name)).encode())


@pytest.mark.parametrize(
    ("name", "value"),
    [("id", ""), ("id", "x" * 65), ("specversion", "0.3"), ("time", "2030-01-01T12:00:00"), ("data", []), ("type", 1)],
)
def test_wrong_attributes_are_refused(name: str, value: object) -> None:
    with pytest.raises(MalformedEvent):
        decode(json.dumps(without(name) | {name: value}).encode())


@pytest.mark.parametrize("message", [b"", b"{", b"\xff", b"null", b"[]"])
def test_what_is_no_event_is_refused(message: bytes) -> None:
    with pytest.raises(MalformedEvent):
        decode(message)
