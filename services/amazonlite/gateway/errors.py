"""What the gateway says itself; everything else a client reads comes from a service."""

from __future__ import annotations

from amazonlite.common.core.errors import DomainError, TooManyRequests, Unauthorized, Unavailable


class ServiceUnavailable(Unavailable):
    """The service cannot be reached, or is left alone for a while because it could not; member `service` names it."""

    code = "service_unavailable"
    title = "Service unavailable"


class UpstreamTimedOut(DomainError):
    """No answer within the route's time; the request may still take effect."""

    code = "upstream_timeout"
    status = 504
    title = "The service did not answer in time"


class BadGateway(DomainError):
    """The service broke off or answered nonsense; the request may have taken effect."""

    code = "bad_gateway"
    status = 502
    title = "The service's answer was unusable"


class RequestTimedOut(DomainError):
    """The client stopped sending its body."""

    code = "request_timeout"
    status = 408
    title = "The request's body did not arrive in time"


class TooBusy(Unavailable):
    """More is in flight than the gateway holds; nothing was done."""

    code = "too_busy"
    title = "Too busy"


class RateLimited(TooManyRequests):
    """Come back after Retry-After."""

    code = "rate_limited"
    title = "Too many requests"


class TokenRevoked(Unauthorized):
    """Log in again."""

    code = "token_revoked"
    title = "Token revoked"
