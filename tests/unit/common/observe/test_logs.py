"""A log line is JSON, says where it belongs, and holds no personal data."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from amazonlite.common.core.context import correlation_id
from amazonlite.common.observe.logs import configure_logging, get_logger
from amazonlite.common.observe.tracing import span, trace_ids


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level


def test_a_line_names_service_trace_and_correlation(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("order")
    token = correlation_id.set("cor_1")
    with span("work"):
        get_logger("test").info("placed", order="ord_1")
        ids = trace_ids()
    correlation_id.reset(token)
    line = json.loads(capsys.readouterr().out)
    assert (line["event"], line["service"], line["order"], line["level"]) == ("placed", "order", "ord_1", "info")
    assert (line["traceId"], line["spanId"], line["correlationId"]) == (*ids, "cor_1")


def test_personal_data_is_masked_wherever_it_hides(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("auth")
    try:
        raise ValueError("Duplicate entry 'ann@example.org' for key 'email'")
    except ValueError:
        get_logger("test").exception("failed", password="hunter2", header="Bearer abc.def", token="eyJhbGciOi")
    logging.getLogger("sqlalchemy").warning("statement with %s", "bob@example.org")
    written = capsys.readouterr().out
    for secret in ("ann@", "bob@", "hunter2", "abc.def", "eyJhbGciOi"):
        assert secret not in written
    assert "Duplicate entry" in written


def test_the_level_is_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("order", "warning")
    get_logger("test").info("unheard")
    assert capsys.readouterr().out == ""
