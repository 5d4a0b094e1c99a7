"""FastAPI dependencies: `Depends(principal)` for whoever is known, `Depends(require("shop"))` for who may."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import Request
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase

from amazonlite.common.core.errors import DomainError, Forbidden
from amazonlite.common.security.jwt import Principal, TokenMissing, TokenVerifier


class InsufficientScope(Forbidden):
    """The token is good, but not for this."""

    code = "insufficient_scope"
    title = "Insufficient scope"


class RepeatedHeader(DomainError):
    """Two readers could choose different ones of its values: send it once."""

    code = "repeated_header"
    status = 400
    title = "Header repeated"

    def __init__(self, name: str) -> None:
        super().__init__(f"the header {name} was sent more than once", next_step="send it once")


def bearer_of(authorization: str) -> str:
    """The token of an Authorization header; without one, TokenMissing."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenMissing
    return token.strip()


def _only(values: Sequence[str]) -> str:
    if len(values) > 1:
        raise RepeatedHeader("authorization")
    return values[0] if values else ""


class _Demand(SecurityBase):
    """Lets a request through with all of these scopes, and puts the bearer scheme in the OpenAPI document."""

    def __init__(self, scopes: frozenset[str]) -> None:
        self.model = HTTPBearer(bearerFormat="JWT")
        self.scheme_name = "bearer"
        self._scopes = scopes

    async def __call__(self, request: Request) -> Principal:
        verifier: TokenVerifier = request.app.state.verifier
        asking = await verifier.verify(bearer_of(_only(request.headers.getlist("authorization"))))
        missing = self._scopes - asking.scopes
        if missing:
            wanted = " ".join(sorted(missing))
            raise InsufficientScope(
                f"this needs the scope {wanted}",
                headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{wanted}"'},
            )
        return asking


principal = _Demand(frozenset())


def require(*scopes: str) -> _Demand:
    return _Demand(frozenset(scopes))
