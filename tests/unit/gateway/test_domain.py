from datetime import UTC, datetime

import pytest

from amazonlite.gateway.domain import (
    Backend,
    MalformedLimit,
    Match,
    NoBackend,
    RateLimit,
    Route,
    RouteNotFound,
    RouteTable,
    Rule,
    UnsafePath,
    refuse_unsafe,
)

OLD, NEW = datetime(2030, 1, 1, tzinfo=UTC), datetime(2030, 1, 2, tzinfo=UTC)


def route(name: str, *matches: Match, created: datetime = OLD) -> Route:
    return Route(name, created, (Rule(name, matches, (Backend(name, 8000),)),))


def found(table: RouteTable, path: str, method: str = "GET", headers: tuple[tuple[bytes, bytes], ...] = ()) -> str:
    return table.find(path, method, headers).route


def test_a_prefix_covers_whole_segments_only() -> None:
    table = RouteTable([route("a", Match("/api/a"))])
    assert found(table, "/api/a") == found(table, "/api/a/") == found(table, "/api/a/b") == "a"
    for path in ("/api/ab", "/api", "/api/a:bulk", "/API/a"):
        with pytest.raises(RouteNotFound):
            found(table, path)


def test_the_root_prefix_covers_everything() -> None:
    assert found(RouteTable([route("all", Match("/"))]), "/anything/at/all") == "all"


def test_exact_beats_prefix_and_longer_beats_shorter() -> None:
    table = RouteTable(
        [route("root", Match("/")), route("long", Match("/a/b")), route("exact", Match("/a/b", exact=True))]
    )
    assert found(table, "/a/b") == "exact"
    assert found(table, "/a/b/c") == "long"
    assert found(table, "/a") == "root"


def test_a_longer_path_beats_method_and_headers_then_method_beats_headers() -> None:
    header = ((b"x-a", b"1"),)
    table = RouteTable(
        [
            route("header", Match("/a", headers=header)),
            route("two-headers", Match("/a", headers=(*header, (b"x-b", b"2")))),
            route("method", Match("/a", method="POST")),
            route("path", Match("/a/b")),
        ]
    )
    both = (*header, (b"x-b", b"2"))
    assert found(table, "/a/b", "POST", both) == "path"
    assert found(table, "/a", "POST", both) == "method"
    assert found(table, "/a", "GET", both) == "two-headers"
    assert found(table, "/a", "GET", header) == "header"


def test_among_equals_the_oldest_route_wins_then_the_name() -> None:
    table = RouteTable(
        [route("b", Match("/a")), route("a", Match("/a"), created=NEW), route("c", Match("/a"), created=OLD)]
    )
    assert found(table, "/a") == "b"


@pytest.mark.parametrize(("draw", "host"), [(0.0, "stable"), (0.89, "stable"), (0.9, "canary"), (0.999, "canary")])
def test_traffic_is_divided_by_weight(draw: float, host: str) -> None:
    rule = Rule("r", (Match("/"),), (Backend("stable", 1, 9), Backend("none", 1, 0), Backend("canary", 1, 1)))
    assert rule.choose(draw).host == host


@pytest.mark.parametrize("backends", [(), (Backend("a", 1, 0),), (Backend("a", 1, 0), Backend("b", 1, 0))])
def test_a_rule_without_weight_sends_nothing(backends: tuple[Backend, ...]) -> None:
    with pytest.raises(NoBackend):
        Rule("r", (Match("/"),), backends).choose(0.5)


@pytest.mark.parametrize(
    ("text", "quota", "window"), [("200/1s", 200, 1), ("5/s", 5, 1), ("60/1m", 60, 60), (" 9/2h ", 9, 7200)]
)
def test_limits_are_read(text: str, quota: int, window: int) -> None:
    assert RateLimit.parse(text) == RateLimit(quota, window)


@pytest.mark.parametrize("text", ["", "200", "0/1s", "-1/s", "1/0s", "1.5/s", "1/d", "1/1s; drop"])
def test_other_limits_are_refused(text: str) -> None:
    with pytest.raises(MalformedLimit):
        RateLimit.parse(text)


@pytest.mark.parametrize(
    ("path", "raw"),
    [
        ("/api/../internal/x", b"/api/../internal/x"),
        ("/api/../internal/x", b"/api/%2e%2e/internal/x"),
        ("/api/./a", b"/api/./a"),
        ("/api/..", b"/api/.."),
        ("//internal", b"//internal"),
        ("/api\\internal", b"/api%5Cinternal"),
        ("/api/a/b", b"/api/a%2Fb"),
        ("/api/\x00", b"/api/%00"),
        ("/api/a\r\nx: y", b"/api/a%0d%0ax: y"),
    ],
)
def test_a_path_that_a_backend_may_read_otherwise_is_refused(path: str, raw: bytes) -> None:
    with pytest.raises(UnsafePath):
        refuse_unsafe(path, raw)


@pytest.mark.parametrize("path", ["/", "/api/products/B0.1", "/api/auth/.well-known/jwks.json", "/api/products:bulk"])
def test_plain_paths_pass(path: str) -> None:
    refuse_unsafe(path, path.encode())
