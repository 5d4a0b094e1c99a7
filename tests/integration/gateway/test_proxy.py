from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from amazonlite.common.observe import metrics
from amazonlite.common.testing.asgi import Answer, AsgiClient
from amazonlite.common.testing.fakes import SigningKey, mint_token

pytestmark = pytest.mark.stores
Start = Callable[..., Awaitable[AsgiClient]]
Route = Callable[..., Awaitable[None]]


def problem(answer: Answer) -> tuple[int, str]:
    """Status and code, once it is known to be a whole problem."""
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["type"] == f"https://amazonlite.dev/problems/{body['code']}"
    assert body["correlationId"] == answer.headers["x-correlation-id"]
    assert body["status"] == answer.status
    return answer.status, body["code"]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_a_request_passes_through_whole(gateway: AsgiClient) -> None:
    answer = await gateway.request(
        "POST", "/api/echo/a%20b?x=1&y=%C3%A4", content=b'{"a":1}', headers={"X-Correlation-Id": "cor-1", "X-My": "1"}
    )
    heard = answer.json()
    assert (answer.status, heard["method"], heard["path"]) == (200, "POST", "/api/echo/a%20b?x=1&y=%C3%A4")
    assert heard["body"] == '{"a":1}'
    assert heard["headers"]["x-my"] == "1"
    assert heard["headers"]["x-correlation-id"] == answer.headers["x-correlation-id"] == "cor-1"
    assert heard["headers"]["x-forwarded-for"] == "127.0.0.1"
    assert heard["headers"]["traceparent"].startswith("00-")
    assert answer.headers["etag"] == '"1"'


async def test_a_trace_goes_on_in_the_backend(gateway: AsgiClient) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    answer = await gateway.get("/api/echo", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    assert answer.json()["headers"]["traceparent"][3:35] == trace


async def test_a_chunked_body_arrives_whole(gateway: AsgiClient) -> None:
    answer = await gateway.request(
        "POST", "/api/echo", content=[b"one ", b"two"], headers={"Transfer-Encoding": "chunked"}
    )
    assert answer.json()["body"] == "one two"
    assert answer.json()["headers"]["content-length"] == "7"


async def test_a_backends_refusal_is_passed_on_as_it_is(gateway: AsgiClient) -> None:
    answer = await gateway.get("/api/echo/teapot")
    assert (answer.status, answer.json()) == (418, {"code": "teapot"})


async def test_a_long_answer_is_streamed(gateway: AsgiClient) -> None:
    assert len((await gateway.get("/api/echo/stream")).body) == 5_000_000


async def test_head_has_no_body(gateway: AsgiClient) -> None:
    answer = await gateway.request("HEAD", "/api/echo")
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/api/nowhere",
        "/api/echoes",
        "/internal/reservations",
        "/internal",
        "/api/metrics",
        "/api",
        "/internal/../api/echo",
    ],
)
async def test_what_is_not_routed_is_404(gateway: AsgiClient, path: str) -> None:
    assert problem(await gateway.get(path)) == (404, "route_not_found")


@pytest.mark.parametrize(
    "path",
    [
        "/api/echo/../../metrics",
        "/api/echo/%2e%2e/%2e%2e/internal",
        "/api//echo",
        "/api/echo/%2Finternal",
        "/api/echo%00",
    ],
)
async def test_a_path_in_disguise_is_400(gateway: AsgiClient, path: str) -> None:
    assert problem(await gateway.get(path)) == (400, "unsafe_path")


async def test_a_route_for_everything_still_does_not_open_internal_paths(route: Route, gateway_with: Start) -> None:
    await route("/")
    gateway = await gateway_with()
    assert (await gateway.get("/anything")).status == 200
    assert problem(await gateway.get("/internal/reservations")) == (404, "route_not_found")
    assert problem(await gateway.get("/internal/echo")) == (404, "route_not_found")


async def test_metrics_are_told_at_the_internal_port_only(route: Route, gateway_with: Start, echo: Any) -> None:
    await route("/")
    outside, inside = await gateway_with(), await gateway_with(internal_port=80)  # the client's own port is 80
    assert (await outside.get("/metrics")).json()["code"] == "route_not_found"
    assert "# HELP" in (await inside.get("/metrics")).body.decode()
    assert echo.asked == 0


async def test_another_api_version_is_refused(gateway: AsgiClient) -> None:
    status, _ = problem(await gateway.get("/api/echo", headers={"X-API-Version": "2"}))
    assert status == 400
    assert (await gateway.get("/api/echo", headers={"X-API-Version": "1"})).status == 200


async def test_an_oversized_body_is_413_with_and_without_a_length(gateway: AsgiClient) -> None:
    chunk = b"x" * 700_000
    for answer in (
        await gateway.request("POST", "/api/echo", content=chunk * 2),
        await gateway.request("POST", "/api/echo", content=[chunk, chunk], headers={"Transfer-Encoding": "chunked"}),
    ):
        assert problem(answer) == (413, "body_too_large")


async def test_a_good_token_is_passed_on_and_its_absence_matters_only_where_required(gateway: AsgiClient) -> None:
    good = bearer(mint_token("usr_1"))
    assert (await gateway.get("/api/private", headers=good)).json()["headers"]["authorization"] == good["Authorization"]
    assert (await gateway.get("/api/echo", headers=good)).status == 200
    assert (await gateway.get("/api/echo")).status == 200
    assert problem(await gateway.get("/api/private")) == (401, "token_missing")


@pytest.mark.parametrize("last_is_good", [True, False])
async def test_of_two_tokens_none_is_chosen(gateway: AsgiClient, echo: Any, last_is_good: bool) -> None:
    tokens = [bearer("of-somebody")["Authorization"], bearer(mint_token("usr_1"))["Authorization"]]
    first, last = tokens if last_is_good else reversed(tokens)
    answer = await gateway.get("/api/private", headers={"Authorization": first, "authorization": last})
    assert problem(answer) == (400, "repeated_header")
    assert echo.asked == 0


async def test_the_backend_reads_the_token_that_was_verified_and_nothing_around_it(gateway: AsgiClient) -> None:
    token = mint_token("usr_1")
    answer = await gateway.get("/api/echo", headers={"Authorization": f"bEARER   {token} "})
    assert answer.json()["headers"]["authorization"] == f"Bearer {token}"


async def test_a_key_that_the_connection_keeps_makes_no_request_repeatable(gateway: AsgiClient, echo: Any) -> None:
    headers = {"Connection": "Idempotency-Key, Authorization", "Idempotency-Key": "a", **bearer(mint_token("usr_1"))}
    answer = await gateway.post("/api/echo/drop", {}, headers=headers)
    assert problem(answer) == (502, "bad_gateway")
    assert echo.asked == 1


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("Basic dXNlcg==", "token_missing"),
        ("Bearer ", "token_missing"),
        ("Bearer abc", "token_malformed"),
        ("Bearer " + "x" * 5000, "token_malformed"),
        ("Bearer \xff\xfe", "token_malformed"),
        (f"Bearer {mint_token('usr_1', ttl=-60)}", "token_expired"),
        (f"Bearer {mint_token('usr_1', key=SigningKey('test'))}", "token_invalid"),
        (f"Bearer {mint_token('usr_1', key=SigningKey('stranger'))}", "token_invalid"),
        (f"Bearer {mint_token('usr_1', aud='other')}", "token_invalid"),
        (f"Bearer {mint_token('usr_1', jti=None)}", "token_invalid"),
        (f"Bearer {mint_token('usr_1')[:-4]}AAAA", "token_invalid"),
    ],
)
async def test_a_bad_token_is_401_even_where_none_is_needed(
    gateway: AsgiClient, echo: Any, authorization: str, code: str
) -> None:
    answer = await gateway.get("/api/echo", headers={"Authorization": authorization})
    assert problem(answer) == (401, code)
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert echo.asked == 0


async def test_a_slow_backend_is_504_after_the_routes_time(route: Route, gateway_with: Start) -> None:
    await route("/api/echo", request_timeout="50ms")
    gateway = await gateway_with()
    answer = await gateway.get("/api/echo/slow")
    assert problem(answer) == (504, "upstream_timeout")


async def test_a_dead_backend_is_503_then_left_alone(route: Route, gateway_with: Start, unused_tcp_port: int) -> None:
    await route("/api/dead", port=unused_tcp_port)
    gateway = await gateway_with()
    answers = [await gateway.get("/api/dead") for _ in range(6)]
    assert {problem(answer) for answer in answers} == {(503, "service_unavailable")}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers)
    assert int(answers[-1].headers["retry-after"]) > 1
    assert "refused_by_breaker" in metrics.render().decode()


async def test_the_fallback_of_a_service_is_what_an_open_breaker_answers(gateway: AsgiClient) -> None:
    answer = await gateway.get("/fallback/payment")
    assert problem(answer) == (503, "service_unavailable")
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["service"] == "payment"


async def test_the_index_names_the_domains(gateway: AsgiClient) -> None:
    answer = await gateway.get("/")
    assert answer.json()["domains"] == {"echo": "/api/echo", "private": "/api/private"}


async def test_a_weight_moves_traffic_at_once(kube: Any, gateway: AsgiClient, echo: Any) -> None:
    item = kube.items["api-echo"]
    item["spec"]["rules"][0]["backendRefs"][0]["weight"] = 0
    await kube.put(item)
    for _ in range(200):
        answer = await gateway.get("/api/echo")
        if answer.status == 503:
            break
    assert problem(answer) == (503, "no_backend")


async def test_ready_needs_one_list_and_health_needs_nothing(kube: Any, gateway: AsgiClient) -> None:
    assert (await gateway.get("/readyz")).status == 200
    await kube.stop()
    assert (await gateway.get("/readyz")).status == 200
    assert (await gateway.get("/healthz")).status == 200


async def test_a_gateway_that_never_saw_the_api_server_is_not_ready(kube: Any, gateway_with: Start) -> None:
    await kube.stop()
    answer = await (await gateway_with()).get("/readyz")
    assert (answer.status, answer.json()["failing"]) == (503, {"routes": "NoRoutesYet"})
