"""Errors the shop answers with on purpose: each is a noun with a stable `code`, and becomes a problem+json body."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar


class DomainError(Exception):
    """A rule of the shop says no; `detail` is for people, `code` for programs, `extra` becomes members of the body."""

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 400
    title: ClassVar[str] = "Refused"

    def __init__(
        self, detail: str, *, next_step: str = "", headers: Mapping[str, str] | None = None, **extra: Any
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.next_step = next_step
        self.headers = dict(headers or {})
        self.extra = extra


class InvalidInput(DomainError):
    code = "invalid_input"
    status = 422
    title = "Invalid input"


class Unauthorized(DomainError):
    code = "unauthorized"
    status = 401
    title = "Unauthorized"


class Forbidden(DomainError):
    code = "forbidden"
    status = 403
    title = "Forbidden"


class NotFound(DomainError):
    code = "not_found"
    status = 404
    title = "Not found"


class Conflict(DomainError):
    code = "conflict"
    status = 409
    title = "Conflict"


class _RetryLater(DomainError):
    def __init__(
        self,
        detail: str,
        *,
        retry_after: float = 1.0,
        next_step: str = "",
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        # HTTP counts whole seconds: rounding down would invite the caller too early.
        retry = {"Retry-After": str(max(1, math.ceil(retry_after)))}
        super().__init__(detail, next_step=next_step, headers={**retry, **(headers or {})}, **extra)
        self.retry_after = retry_after


class TooManyRequests(_RetryLater):
    code = "too_many_requests"
    status = 429
    title = "Too many requests"


class Unavailable(_RetryLater):
    code = "unavailable"
    status = 503
    title = "Unavailable"
