"""Spans follow W3C trace context, with the exporter and without."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from amazonlite.common.core.context import traceparent
from amazonlite.common.observe.tracing import span, trace_ids, use_provider, valid_traceparent

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def recorded() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    use_provider(provider)
    yield exporter
    use_provider(None)


@pytest.mark.parametrize("exporting", [False, True])
def test_a_span_keeps_the_trace_and_has_an_id_of_its_own(exporting: bool, request: pytest.FixtureRequest) -> None:
    if exporting:
        request.getfixturevalue("recorded")
    with span("outer", parent=PARENT):
        outer = trace_ids()
        assert valid_traceparent(traceparent.get())
        with span("inner"):
            inner = trace_ids()
    assert outer[0] == inner[0] == PARENT[3:35]
    assert len({outer[1], inner[1], PARENT[36:52]}) == 3
    assert trace_ids() == ("", "")


@pytest.mark.parametrize("exporting", [False, True])
def test_without_a_parent_a_trace_begins(exporting: bool, request: pytest.FixtureRequest) -> None:
    if exporting:
        request.getfixturevalue("recorded")
    with span("one"):
        one = trace_ids()
    with span("two"):
        assert trace_ids()[0] != one[0]


def test_what_is_no_traceparent_is_ignored() -> None:
    for text in ("", "junk", PARENT[:-1], PARENT.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32), PARENT.upper()):
        assert valid_traceparent(text) == ""
    assert valid_traceparent(PARENT) == PARENT


def test_an_exported_span_names_the_traces_it_works_for(recorded: InMemorySpanExporter) -> None:
    with span("consume", links=[PARENT]):
        assert trace_ids()[0] != PARENT[3:35]
    (exported,) = recorded.get_finished_spans()
    assert [f"{link.context.span_id:016x}" for link in exported.links] == [PARENT[36:52]]


def test_an_exported_span_tells_kind_parent_and_failure(recorded: InMemorySpanExporter) -> None:
    with pytest.raises(RuntimeError), span("GET order", kind="client", parent=PARENT, attributes={"a": 1}) as current:
        current.rename("GET /api/orders/{id}")
        raise RuntimeError("ann@example.org")
    (exported,) = recorded.get_finished_spans()
    assert exported.name == "GET /api/orders/{id}"
    assert exported.kind is SpanKind.CLIENT
    assert exported.parent is not None
    assert f"{exported.parent.span_id:016x}" == PARENT[36:52]
    assert exported.status.status_code is StatusCode.ERROR
    assert "ann@" not in exported.to_json()
