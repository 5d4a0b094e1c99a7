"""Routes of the auth service."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Cookie, Depends, Request, Response

from amazonlite.auth.bulk_tokens import make_tokens
from amazonlite.auth.dependencies import AuthDependencies
from amazonlite.auth.devices import COOKIE, COOKIE_TTL
from amazonlite.auth.domain import (
    SERVICE_TTL,
    BadCredentials,
    EmailInvalid,
    EmailTaken,
    InvalidClient,
    RefreshTokenExpired,
    RefreshTokenInvalid,
    RefreshTokenReused,
    RevocationUnavailable,
    SessionRevoked,
    TooManyFailures,
)
from amazonlite.auth.login import Tokens, log_in
from amazonlite.auth.logout import check_session, log_out
from amazonlite.auth.refresh import refresh
from amazonlite.auth.schemas import (
    BulkRequest,
    BulkToken,
    BulkTokens,
    ClientCredentials,
    LogIn,
    PrincipalView,
    Refresh,
    ServiceTokenView,
    SignedUp,
    SignUp,
    TokensView,
)
from amazonlite.auth.sign_in_queue import SignInBusy
from amazonlite.auth.signup import sign_up
from amazonlite.common.http.network import client_network
from amazonlite.common.http.problems import problems
from amazonlite.common.http.state import from_state
from amazonlite.common.security.jwt import Principal
from amazonlite.common.security.principal import principal, require

JWKS_FRESH_SECONDS = 300


async def never_cached(response: Response) -> None:
    response.headers["Cache-Control"] = "no-store"


Deps = Annotated[AuthDependencies, Depends(from_state("deps"))]
Network = Annotated[str, Depends(client_network)]

routes = APIRouter(prefix="/api/auth", tags=["auth"], dependencies=[Depends(never_cached)])
published = APIRouter(tags=["auth"])
internal = APIRouter(prefix="/internal/auth", tags=["internal"], dependencies=[Depends(never_cached)])


@routes.post("/signup", status_code=201, responses=problems(EmailTaken, EmailInvalid, SignInBusy))
async def signup(deps: Deps, network: Network, body: SignUp) -> SignedUp:
    """Opens a shopper's account; staff rights are only ever given to service clients."""
    password = body.password.get_secret_value()
    return SignedUp(user_id=await sign_up(deps, body.email, password, body.name, network=network))


@routes.post("/login", responses=problems(BadCredentials, EmailInvalid, TooManyFailures, SignInBusy))
async def login(
    deps: Deps,
    network: Network,
    body: LogIn,
    request: Request,
    response: Response,
    device: Annotated[str, Cookie(description="Given by an earlier login: this device is known to the account.")] = "",
) -> TokensView:
    """Ten failures within a quarter of an hour close an account to further attempts from the same device or network
    until that is over. The cookie `device` that a login gives keeps the way in open for its device."""
    opened = await log_in(deps, body.email, body.password.get_secret_value(), network=network, device_cookie=device)
    response.set_cookie(
        COOKIE,
        opened.device_cookie,
        max_age=int(COOKIE_TTL.total_seconds()),
        path="/api/auth",
        secure=request.headers.get("x-forwarded-proto") == "https",
        httponly=True,
        samesite="strict",
    )
    return _view(opened.tokens)


@routes.post(
    "/refresh", responses=problems(RefreshTokenInvalid, RefreshTokenExpired, RefreshTokenReused, SessionRevoked)
)
async def exchange(deps: Deps, body: Refresh) -> TokensView:
    """A refresh token works once; used again later, it ends the session."""
    return _view(await refresh(deps, body.refresh_token.get_secret_value()))


@routes.post("/logout", status_code=204, responses=problems(RevocationUnavailable))
async def logout(deps: Deps, asking: Annotated[Principal, Depends(require("shop"))]) -> None:
    """Ends the session; its access tokens stop working within moments."""
    await log_out(deps, asking)


@routes.get("/validate", responses=problems(SessionRevoked))
async def validate(deps: Deps, asking: Annotated[Principal, Depends(principal)]) -> PrincipalView:
    """Who the bearer is, and that the session still lives."""
    await check_session(deps, asking)
    return PrincipalView(
        subject=asking.subject,
        scopes=sorted(asking.scopes),
        kind=asking.kind,
        session_id=asking.session_id,
        token_id=asking.token_id,
        expires_at=asking.expires_at,
    )


@routes.post("/service-tokens", responses=problems(InvalidClient))
async def service_token(deps: Deps, body: ClientCredentials) -> ServiceTokenView:
    """A token for a service, by its client credentials."""
    scopes = deps.clients.scopes_of(body.client_id, body.client_secret.get_secret_value())
    token = deps.mint.access_token(f"svc_{body.client_id}", scopes, ttl=SERVICE_TTL, kind="service")
    return ServiceTokenView(access_token=token, expires_in=int(SERVICE_TTL.total_seconds()))


@internal.post("/tokens:bulk")
async def bulk(
    deps: Deps, body: BulkRequest, asking: Annotated[Principal, Depends(require("staff:tokens"))]
) -> BulkTokens:
    """Tokens of many synthetic customers at once, for load tests and rehearsals; who asked and why is recorded."""
    made = await make_tokens(
        deps,
        requested_by=asking.subject,
        subjects=body.wanted(),
        ttl=timedelta(seconds=body.ttl_seconds),
        reason=body.reason,
    )
    return BulkTokens(tokens=[BulkToken(subject=subject, access_token=token) for subject, token in made])


@published.get("/api/auth/.well-known/jwks.json")
@published.get("/.well-known/jwks.json", include_in_schema=False)
async def jwks(deps: Deps, response: Response) -> dict[str, list[dict[str, str]]]:
    """The public keys that prove our tokens."""
    response.headers["Cache-Control"] = f"public, max-age={JWKS_FRESH_SECONDS}"
    return deps.keys.jwks()


def _view(tokens: Tokens) -> TokensView:
    return TokensView(
        access_token=tokens.access_token,
        refresh_token=tokens.refresh_token,
        expires_in=int(tokens.lifetime.total_seconds()),
    )
