"""Every request and every call is a span, and the current one is always in the `traceparent` context variable.

With OTEL_EXPORTER_OTLP_ENDPOINT set, spans are recorded by the OpenTelemetry SDK and exported over OTLP/HTTP. Without
it only the ids are made and passed on: two random numbers a request, and no SDK in memory.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Mapping, Sequence
from contextvars import Token
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from amazonlite.common.core.context import traceparent

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span as RecordedSpan
    from opentelemetry.trace import SpanContext, Tracer

ENDPOINT_VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"
EXPORT_SECONDS = 1.5

Kind = Literal["internal", "server", "client", "producer", "consumer"]
_W3C = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


class _Export:
    """The process's exporter; both fields stay None while no endpoint is configured."""

    provider: TracerProvider | None = None
    tracer: Tracer | None = None


def start_tracing(service: str) -> None:
    """Begin exporting when an endpoint is configured; the SDK is imported only then (20 MiB)."""
    if not os.environ.get(ENDPOINT_VARIABLE):
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    # The timeout bounds the retries too: a collector that is away must not hold up the process's end.
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=EXPORT_SECONDS)))
    use_provider(provider)


def use_provider(provider: TracerProvider | None) -> None:
    """Record spans with this provider from now on; None goes back to passing ids only."""
    _Export.provider = provider
    _Export.tracer = provider.get_tracer("amazonlite") if provider else None


def stop_tracing() -> None:
    """Send what is still buffered."""
    if _Export.provider is not None:
        _Export.provider.shutdown()
    use_provider(None)


def valid_traceparent(value: str) -> str:
    """The value itself when it is a W3C traceparent, else an empty string."""
    return value if _W3C.fullmatch(value) else ""


def trace_ids() -> tuple[str, str]:
    """(trace id, span id) of the current span, empty strings outside of any."""
    current = traceparent.get("")
    return (current[3:35], current[36:52]) if current else ("", "")


class Span:
    """One timed piece of work; inside the `with` block the `traceparent` context variable names it."""

    __slots__ = ("_attributes", "_kind", "_links", "_parent", "_recorded", "_token", "name")

    def __init__(
        self,
        name: str,
        kind: Kind,
        parent: str | None,
        attributes: Mapping[str, str | int] | None,
        links: Sequence[str],
    ) -> None:
        self.name = name
        self._kind = kind
        self._parent = parent
        self._attributes = attributes
        self._links = links
        self._recorded: RecordedSpan | None = None
        self._token: Token[str] | None = None

    def __enter__(self) -> Self:
        parent = traceparent.get("") if self._parent is None else self._parent
        if _Export.tracer is None:
            current = _child_of(parent)
        else:
            self._recorded = self._record(_Export.tracer, parent)
            current = _w3c(self._recorded.get_span_context())
        self._token = traceparent.set(current)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._recorded is not None:
            if error is not None:
                self.fail(type(error).__name__)
            self._recorded.end()
        if self._token is not None:
            traceparent.reset(self._token)

    def _record(self, tracer: Tracer, parent: str) -> RecordedSpan:
        from opentelemetry.trace import Link, SpanKind  # noqa: PLC0415

        return tracer.start_span(
            self.name,
            context=_context_of(parent),
            kind=SpanKind[self._kind.upper()],
            attributes=self._attributes,
            links=[Link(_span_context_of(link)) for link in self._links],
        )

    def rename(self, name: str) -> None:
        if self._recorded is not None:
            self._recorded.update_name(name)

    def set(self, key: str, value: str | int) -> None:
        if self._recorded is not None:
            self._recorded.set_attribute(key, value)

    def fail(self, reason: str) -> None:
        """Mark as failed; the reason is a code or a class name, never a message (those can hold personal data)."""
        if self._recorded is not None:
            from opentelemetry.trace import StatusCode  # noqa: PLC0415

            self._recorded.set_attribute("error.type", reason)
            self._recorded.set_status(StatusCode.ERROR)


def span(
    name: str,
    *,
    kind: Kind = "internal",
    parent: str | None = None,
    attributes: Mapping[str, str | int] | None = None,
    links: Sequence[str] = (),
) -> Span:
    """A span under `parent` (a traceparent), or under the current one when that is None; `links` are the traceparents
    of other traces that it works for."""
    return Span(name, kind, parent, attributes, links)


def _child_of(parent: str) -> str:
    span_id = f"{random.getrandbits(64) or 1:016x}"
    if parent:
        return f"{parent[:36]}{span_id}{parent[52:]}"
    return f"00-{random.getrandbits(128) or 1:032x}-{span_id}-01"


def _context_of(parent: str) -> Context:
    from opentelemetry.context import Context  # noqa: PLC0415
    from opentelemetry.trace import NonRecordingSpan, set_span_in_context  # noqa: PLC0415

    if not parent:
        return Context()
    return set_span_in_context(NonRecordingSpan(_span_context_of(parent)), Context())


def _span_context_of(parent: str) -> SpanContext:
    from opentelemetry.trace import SpanContext, TraceFlags  # noqa: PLC0415

    return SpanContext(int(parent[3:35], 16), int(parent[36:52], 16), True, TraceFlags(int(parent[53:55], 16)))


def _w3c(context: SpanContext) -> str:
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"
