"""Events on the wire: CloudEvents 1.0, JSON, structured mode."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec

from amazonlite.common.core.event import Event, as_cloud_event

CONTENT_TYPE = "application/cloudevents+json; charset=UTF-8"

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class MalformedEvent(ValueError):
    """The bytes are no CloudEvent of ours; no retry will change that."""


class _Envelope(msgspec.Struct):
    specversion: Annotated[str, msgspec.Meta(pattern=r"^1\.0$")]
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    type: _Name
    source: _Name
    subject: _Name
    time: Annotated[datetime, msgspec.Meta(tz=True)]
    data: dict[str, Any]
    correlationid: str = ""
    traceparent: str = ""


_decoder = msgspec.json.Decoder(_Envelope)


def encode(event: Event) -> bytes:
    return msgspec.json.encode(as_cloud_event(event))


def decode(message: bytes) -> Event:
    try:
        found = _decoder.decode(message)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise MalformedEvent(str(error)) from error
    return Event(
        id=found.id,
        type=found.type,
        source=found.source,
        subject=found.subject,
        time=found.time,
        data=found.data,
        correlation_id=found.correlationid,
        traceparent=found.traceparent,
    )
