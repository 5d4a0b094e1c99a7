"""Whatever is sent, the answer is a problem with a stable code, and never an accident of ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Request
from pydantic import BaseModel

from amazonlite.common.core.errors import Conflict, NotFound, Unavailable
from amazonlite.common.data.idempotency import IdempotencyKeyReused
from amazonlite.common.http.app import create_app
from amazonlite.common.http.middleware import LARGEST_BODY
from amazonlite.common.http.problems import problems
from amazonlite.common.security.jwt import Principal
from amazonlite.common.security.principal import RepeatedHeader, require
from amazonlite.common.testing.asgi import Answer, AsgiClient, asgi_client
from amazonlite.common.testing.builders import as_service, as_shopper, trusting_verifier
from amazonlite.common.testing.eventually import eventually

JSON = {"Content-Type": "application/json"}


class SoldOut(Conflict):
    code = "sold_out"
    title = "Sold out"


class Wish(BaseModel):
    sku: str
    quantity: int


routes = APIRouter(prefix="/api/things")


@routes.post("")
async def make(wish: Wish) -> Wish:
    return wish


@routes.get("/{number}")
async def show(number: int) -> dict[str, int]:
    return {"number": number}


@routes.get("/of/me")
async def mine(asking: Annotated[Principal, Depends(require("shop"))]) -> dict[str, str]:
    return {"subject": asking.subject}


@routes.get("/that/sell-out")
async def sell_out() -> None:
    raise SoldOut("none left", next_step="come back tomorrow", saleId="fs_1")


@routes.get("/that/wait")
async def wait() -> None:
    raise Unavailable("not now", retry_after=2.5)


@routes.get("/that/break")
async def break_down() -> None:
    raise RuntimeError("ann@example.org was here")


@routes.post("/raw")
async def raw(request: Request) -> dict[str, int]:
    return {"length": len(await request.body())}


def app_with(**options: Any) -> FastAPI:
    app = create_app("things", routers=[routes], **options)
    app.state.verifier = trusting_verifier()
    return app


@pytest.fixture
async def client() -> AsyncIterator[AsgiClient]:
    async with asgi_client(app_with()) as client:
        yield client


def code_of(answer: Answer, status: int) -> str:
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["type"].endswith(problem["code"])
    assert problem["correlationId"] == answer.headers["x-correlation-id"]
    return str(problem["code"])


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"{", 422, "invalid_request"),
        (b"[]", 422, "invalid_request"),
        (b"null", 422, "invalid_request"),
        (b'{"sku": 7, "quantity": 1}', 422, "invalid_request"),
        (b'{"sku": "a", "quantity": NaN}', 422, "invalid_request"),
        (b'{"sku": "a", "quantity": 1e400}', 422, "invalid_request"),
        (b'{"sku": "\\ud800", "quantity": 1}', 422, "invalid_request"),
        (b'{"sku": "\xff"}', 400, "bad_request"),
        (b"[" * 100_000, 400, "bad_request"),
        (b"", 422, "invalid_request"),
    ],
)
async def test_a_bad_body_is_a_problem(client: AsgiClient, content: bytes, status: int, code: str) -> None:
    assert code_of(await client.request("POST", "/api/things", content=content, headers=JSON), status) == code


async def test_a_refused_body_is_not_repeated_in_the_answer(client: AsgiClient) -> None:
    answer = await client.post("/api/things", {"sku": ["hunter2"], "quantity": "hunter2"})
    assert b"hunter2" not in answer.body
    assert {fault["field"] for fault in answer.json()["errors"]} == {"body.sku", "body.quantity"}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "route_not_found"),
        ("DELETE", "/api/things/1", 405, "method_not_allowed"),
        ("BREW", "/api/things/1", 405, "method_not_allowed"),
        ("GET", "/api/things/one", 422, "invalid_request"),
        ("GET", "/api/things/that/break", 500, "internal_error"),
        ("GET", "/api/things/that/sell-out", 409, "sold_out"),
        ("GET", "/api/things/of/me", 401, "token_missing"),
    ],
)
async def test_a_bad_request_is_a_problem(client: AsgiClient, method: str, path: str, status: int, code: str) -> None:
    assert code_of(await client.request(method, path), status) == code


async def test_an_error_carries_its_members_and_headers(client: AsgiClient) -> None:
    sold_out = (await client.get("/api/things/that/sell-out")).json()
    assert (sold_out["saleId"], sold_out["nextStep"]) == ("fs_1", "come back tomorrow")
    assert (await client.get("/api/things/that/wait")).headers["retry-after"] == "3"


async def test_a_crash_tells_nothing_of_the_inside(client: AsgiClient) -> None:
    assert b"ann@" not in (await client.get("/api/things/that/break")).body


async def test_a_body_at_the_limit_passes_and_one_byte_more_does_not(client: AsgiClient) -> None:
    at_limit, above = b"x" * LARGEST_BODY, b"x" * (LARGEST_BODY + 1)
    assert (await client.request("POST", "/api/things/raw", content=at_limit)).json() == {"length": LARGEST_BODY}
    assert code_of(await client.request("POST", "/api/things/raw", content=above), 413) == "body_too_large"


async def test_a_body_without_a_length_is_counted_as_it_comes(client: AsgiClient) -> None:
    chunks = [b"x" * 400_000] * 3
    assert code_of(await client.request("POST", "/api/things/raw", content=chunks), 413) == "body_too_large"
    assert code_of(await client.request("POST", "/api/things", content=chunks, headers=JSON), 413) == "body_too_large"
    assert (await client.request("POST", "/api/things/raw", content=chunks[:2])).json() == {"length": 800_000}


async def test_the_correlation_id_is_kept_if_sane_and_made_if_not(client: AsgiClient) -> None:
    async def returned(sent: str) -> str:
        return (await client.get("/api/things/1", headers={"X-Correlation-Id": sent})).headers["x-correlation-id"]

    assert await returned("order-7") == "order-7"
    assert (await returned("x" * 129)).startswith("cor_")
    assert (await returned("a b")).startswith("cor_")


async def test_another_api_version_is_refused(client: AsgiClient) -> None:
    answer = await client.get("/api/things/1", headers={"X-API-Version": "2"})
    assert code_of(answer, 400) == "unsupported_api_version"
    assert (await client.get("/api/things/1", headers={"X-API-Version": "1"})).status == 200


async def test_a_scope_lets_in_whoever_has_it(client: AsgiClient) -> None:
    assert (await client.get("/api/things/of/me", headers=as_shopper("usr_ann"))).json() == {"subject": "usr_ann"}
    assert code_of(await client.get("/api/things/of/me", headers=as_service()), 403) == "insufficient_scope"


REPEATED = [
    {"Authorization": as_shopper("usr_ann")["Authorization"], "authorization": as_shopper("usr_bob")["Authorization"]},
    {"X-API-Version": "2", "x-api-version": "1"},
    {"Idempotency-Key": "a", "idempotency-key": "b"},
    {"Content-Type": "text/plain", "content-type": "application/json"},
    {"Cookie": "a=1", "cookie": "a=2"},
]


@pytest.mark.parametrize("headers", REPEATED, ids=lambda headers: next(iter(headers)))
async def test_a_header_that_has_one_value_is_refused_when_it_comes_twice(
    client: AsgiClient, headers: dict[str, str]
) -> None:
    answer = await client.get("/api/things/of/me", headers=headers)
    assert code_of(answer, 400) == "repeated_header"
    assert next(iter(headers)).lower() in answer.json()["detail"]


async def test_a_route_asks_for_one_authorization_whatever_stands_in_front_of_it() -> None:
    """The layer that refuses repeated headers is left out here."""
    app = FastAPI()
    app.include_router(routes)
    app.state.verifier = trusting_verifier()
    with pytest.raises(RepeatedHeader):
        async with asgi_client(app) as client:
            await client.get("/api/things/of/me", headers=REPEATED[0])


async def test_a_rush_of_refusals_leaves_a_few_lines_in_the_log(
    client: AsgiClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    for _ in range(50):
        assert (await client.get("/api/things/that/sell-out")).status == 409
    assert 10 <= sum("sell-out" in record.getMessage() for record in caplog.records) <= 15
    assert (await client.get("/api/things/that/wait")).status == 503
    assert sum("that/wait" in record.getMessage() for record in caplog.records) == 1


async def test_requests_are_counted_by_template(client: AsgiClient) -> None:
    for number in range(3):
        await client.get(f"/api/things/{number}")
    await client.get("/nowhere/1")
    exported = (await client.get("/metrics")).body.decode()
    assert 'http_requests_total{method="GET",route="/api/things/{number}",status="200"}' in exported
    assert 'route="unmatched",status="404"' in exported
    assert "/nowhere" not in exported
    assert "/metrics" not in exported


async def test_the_bearer_scheme_and_problems_are_in_the_openapi_document(client: AsgiClient) -> None:
    document = (await client.get("/openapi.json")).json()
    operation = document["paths"]["/api/things/of/me"]["get"]
    assert operation["security"] == [{"bearer": []}]
    assert "application/problem+json" in operation["responses"]["default"]["content"]


async def test_the_problems_of_an_operation_are_in_the_openapi_document() -> None:
    routes = APIRouter()

    @routes.get("/odd", responses=problems(NotFound, Conflict, IdempotencyKeyReused))
    async def odd() -> None:
        """Answers nothing."""

    async with asgi_client(create_app("odd", routers=[routes])) as client:
        answers = (await client.get("/openapi.json")).json()["paths"]["/odd"]["get"]["responses"]
    assert answers["409"]["description"] == "`conflict`: Conflict"
    assert answers["404"]["x-problem-codes"] == ["not_found", "route_not_found"]
    assert answers["422"]["x-problem-codes"] == ["idempotency_key_reused", "invalid_request"]
    assert "token_missing" in answers["default"]["x-problem-codes"]


async def test_readiness_names_what_fails() -> None:
    async def away() -> None:
        raise ConnectionRefusedError

    async def fine() -> None:
        return

    async with asgi_client(app_with(readiness={"mysql": away, "redis": fine})) as client:
        answer = await client.get("/readyz")
        assert (answer.status, answer.json()["failing"]) == (503, {"mysql": "ConnectionRefusedError"})
        assert (await client.get("/healthz")).status == 200


async def test_a_draining_process_is_not_ready_but_goes_on_answering() -> None:
    app = app_with()
    async with asgi_client(app) as client:
        app.state.health.draining = True
        assert (await client.get("/readyz")).status == 503
        assert (await client.get("/api/things/1")).status == 200


async def test_background_tasks_live_between_start_and_stop() -> None:
    running = asyncio.Event()
    ended = asyncio.Event()

    async def relay() -> None:
        running.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with asgi_client(app_with(background=[relay])) as client:
        await eventually(running.is_set)
        assert (await client.get("/readyz")).status == 200
    assert ended.is_set()
