"""Plays requests made from a service's OpenAPI document, valid and not, and compares the answers with the document.

None may be a 5xx, have a status or content type that is not documented, or break its schema.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
OWN_PROOF = {
    "POST /api/auth/refresh",
    "POST /api/auth/logout",
    "GET /api/auth/validate",
    "POST /api/auth/service-tokens",
    "POST /api/payments/webhooks/provider",
    "GET /api/flash-sales/{sale_id}/queue",
    "DELETE /api/flash-sales/{sale_id}/queue",
}
Answer = tuple[int, Mapping[str, str], bytes]
Send = Callable[[str, str, Mapping[str, str], bytes | None], Answer]


@dataclass
class Played:
    """How many requests were sent and how they were answered, by operation; what broke the document, once each."""

    statuses: dict[str, dict[int, int]] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)


def play(document: Mapping[str, Any], send: Send, *, examples: int, only: Callable[[str], bool] = bool) -> Played:
    """``only`` says which paths. ``send`` has method, path with query, headers and body. Every run sends the same."""
    played = Played()
    for found in schemathesis.openapi.from_dict(dict(document)).get_all_operations():
        operation = found.ok()
        if only(operation.path):
            _play(operation, send, examples, played)
    return played


def _play(operation: Any, send: Send, examples: int, played: Played) -> None:
    name = f"{operation.method.upper()} {operation.path}"
    statuses = played.statuses.setdefault(name, {})

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def one(case: Case) -> None:
        response = _sent(case, send)
        statuses[response.status_code] = statuses.get(response.status_code, 0) + 1
        case.validate_response(response, checks=CHECKS)

    try:
        one()
    except FailureGroup as error:
        played.broken[name] = f"{type(error).__name__}: {error}"[:1500]


def _sent(case: Case, send: Send) -> Response:
    request = requests.Request(**case.as_transport_kwargs(base_url="http://shop")).prepare()
    body = request.body.encode() if isinstance(request.body, str) else request.body
    path = str(request.url).removeprefix("http://shop")
    status, headers, content = send(str(request.method), path, {k: str(v) for k, v in request.headers.items()}, body)
    answered = {name.lower(): [value] for name, value in headers.items()}
    return Response(status, answered, content, request, elapsed=0.0, verify=False)


def stopped(played: Played, *by: int) -> list[str]:
    """The operations of which every request was answered by one of these, so that nothing of them was tried.

    Not those that are refused for what the request itself holds, a ticket or a signature: no chance makes one.
    """
    return [name for name, seen in played.statuses.items() if seen.keys() <= {*by} and name not in OWN_PROOF]


def report(played: Played) -> str:
    return json.dumps({"broken": played.broken, "statuses": played.statuses}, indent=1)
