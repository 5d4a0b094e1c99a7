"""Every error leaves as RFC 9457 problem+json with a stable `code`; nothing of the inside leaks into it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from amazonlite.common.core.context import correlation_id
from amazonlite.common.core.errors import DomainError

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "https://amazonlite.dev/problems/"

_CODES = {
    400: "bad_request",
    404: "route_not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
}


class Problem(BaseModel):
    """The body of every error; further members depend on the code."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=[TYPE_PREFIX + "insufficient_stock"])
    title: str
    status: int
    detail: str
    instance: str
    code: str = Field(examples=["insufficient_stock"])
    correlationId: str  # noqa: N815 — the name on the wire
    nextStep: str | None = None  # noqa: N815


CODES = "x-problem-codes"
"""Where a response of the OpenAPI document lists the codes of its problems."""
GENERAL: Mapping[int, tuple[str, ...]] = {
    400: ("bad_request", "repeated_header", "unsupported_api_version"),
    401: ("token_expired", "token_invalid", "token_malformed", "token_missing"),
    403: ("insufficient_scope",),
    404: ("route_not_found",),
    405: ("method_not_allowed",),
    413: ("body_too_large",),
    415: ("unsupported_media_type",),
    422: ("invalid_request",),
    500: ("internal_error",),
    503: (
        "keys_unavailable",
        "service_token_unavailable",
        "service_unavailable",
        "store_unavailable",
        "too_busy",
        "unavailable",
    ),
}
"""What any operation may answer with: it is about the request's form, its token, or what is away."""
_SCHEMA = Problem.model_json_schema()


def _documented(description: str, codes: Sequence[str]) -> dict[str, Any]:
    code = {**_SCHEMA["properties"]["code"], "examples": list(codes)}
    schema = {**_SCHEMA, "properties": {**_SCHEMA["properties"], "code": code}}
    return {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}, CODES: list(codes)}


OPENAPI_RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": _documented("A problem, see its `code`", [code for codes in GENERAL.values() for code in codes])
}


def problems(*errors: type[DomainError]) -> dict[int | str, dict[str, Any]]:
    """`responses` of a route: the problems that it may answer with, beside those that any may."""
    titles: dict[int, dict[str, str]] = {}
    for error in errors:
        titles.setdefault(error.status, {})[error.code] = error.title
    return {
        status: _documented(
            "; ".join(f"`{code}`: {title}" for code, title in found.items()), [*found, *GENERAL.get(status, ())]
        )
        for status, found in sorted(titles.items())
    }


def problem_response(
    *,
    code: str,
    status: int,
    title: str,
    detail: str,
    instance: str,
    next_step: str = "",
    headers: Mapping[str, str] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Response:
    body: dict[str, Any] = {
        **(extra or {}),
        "type": TYPE_PREFIX + code,
        "title": title,
        "status": status,
        "detail": detail,
        "instance": instance,
        "code": code,
        "correlationId": correlation_id.get(),
    }
    if next_step:
        body["nextStep"] = next_step
    content = msgspec.json.encode(body, enc_hook=str)
    return Response(content, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def internal_error(instance: str) -> Response:
    """What a caller learns of a bug of ours: the correlation id to quote."""
    return problem_response(
        code="internal_error",
        status=500,
        title="Internal error",
        detail="something went wrong on our side; it was logged under this correlation id",
        instance=instance,
    )


def of_domain_error(error: DomainError, instance: str) -> Response:
    return problem_response(
        code=error.code,
        status=error.status,
        title=error.title,
        detail=error.detail,
        instance=instance,
        next_step=error.next_step,
        headers=error.headers,
        extra=error.extra,
    )


async def _domain_error(request: Request, error: Exception) -> Response:
    return of_domain_error(cast(DomainError, error), request.url.path)


async def _invalid_request(request: Request, error: Exception) -> Response:
    """Says which fields are wrong and why, but never repeats what was sent: it may be a password."""
    found = cast(RequestValidationError, error).errors()
    faults = [{"field": ".".join(map(str, e["loc"])), "code": e["type"], "message": e["msg"]} for e in found]
    return problem_response(
        code="invalid_request",
        status=422,
        title="Invalid request",
        detail="; ".join(f"{fault['field']}: {fault['message']}" for fault in faults[:5]),
        instance=request.url.path,
        extra={"errors": faults[:50]},
    )


async def _http_exception(request: Request, raised: Exception) -> Response:
    error = cast(HTTPException, raised)
    code = _CODES.get(error.status_code) or HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
    return problem_response(
        code=code,
        status=error.status_code,
        title=code.replace("_", " ").capitalize(),
        detail=str(error.detail),
        instance=request.url.path,
        headers=error.headers,
    )


def install_problems(app: FastAPI) -> None:
    app.add_exception_handler(DomainError, _domain_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_exception)
