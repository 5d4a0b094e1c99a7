"""Logs are one JSON object a line on stdout, and hold no personal data: e-mail addresses and tokens are masked."""

from __future__ import annotations

import logging
import re
import sys
from typing import Any

import msgspec
import structlog
from structlog.typing import EventDict, WrappedLogger

from amazonlite.common.core.context import correlation_id
from amazonlite.common.observe.tracing import trace_ids

SECRET_KEYS = frozenset(
    {"email", "password", "name", "token", "access_token", "refresh_token", "authorization", "secret", "client_secret"}
)
_PERSONAL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+|eyJ[\w-]+\.[\w-]+\.[\w-]+|Bearer [^\s\"]+")


# Until `configure_logging` is called, events go to the standard library's root logger as they are.
structlog.configure(
    processors=[structlog.stdlib.filter_by_level, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def configure_logging(service: str, level: str = "info") -> None:
    """One line for structlog's events and for the standard library's (uvicorn, SQLAlchemy, asyncio)."""
    formatter = structlog.stdlib.ProcessorFormatter(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _place(service),
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _mask,
            _render,
        ],
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())


def _place(service: str) -> structlog.typing.Processor:
    def add(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["service"] = service
        trace_id, span_id = trace_ids()
        if trace_id:
            event["traceId"], event["spanId"] = trace_id, span_id
        if correlation := correlation_id.get(""):
            event["correlationId"] = correlation
        return event

    return add


def _mask(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for key in SECRET_KEYS & event.keys():
        event[key] = "***"
    return event


def _render(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    line = msgspec.json.encode(event, enc_hook=_as_text).decode()
    return _PERSONAL.sub("***", line)


def _as_text(value: Any) -> str:
    return str(value)
