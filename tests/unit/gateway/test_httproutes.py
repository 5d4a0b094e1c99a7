from typing import Any

import pytest

from amazonlite.common.testing.kube_api import http_route, rule
from amazonlite.gateway.domain import Backend, Match, RateLimit
from amazonlite.gateway.httproutes import (
    INVALID_KIND,
    REF_NOT_PERMITTED,
    UNSUPPORTED_VALUE,
    RouteRefused,
    attached_parents,
    parse,
)


def stored(item: dict[str, Any]) -> dict[str, Any]:
    meta = {"namespace": "amazonlite", "creationTimestamp": "2030-01-01T00:00:00Z", **item["metadata"]}
    return {**item, "metadata": meta}


def with_rule(**members: Any) -> dict[str, Any]:
    return stored(http_route("r", {**rule("/api/a", ("a", 8000, 1)), **members}))


def test_a_whole_route_is_read() -> None:
    item = stored(
        http_route(
            "orders",
            {
                "matches": [
                    {"path": {"type": "PathPrefix", "value": "/api/orders/"}},
                    {
                        "path": {"type": "Exact", "value": "/api/orders:x"},
                        "method": "POST",
                        "headers": [{"name": "X-Canary", "value": "Yes"}],
                    },
                ],
                "backendRefs": [
                    {"name": "order", "port": 8000, "weight": 90},
                    {"name": "order-canary", "port": 8000, "weight": 10, "namespace": "amazonlite"},
                ],
                "timeouts": {"request": "1m1s500ms"},
            },
            rate_limit="200/1s",
            auth="required",
        )
    )
    [read] = parse(item).rules
    assert read.matches == (Match("/api/orders"), Match("/api/orders:x", True, "POST", ((b"x-canary", b"Yes"),)))
    assert read.backends == (Backend("order", 8000, 90), Backend("order-canary", 8000, 10))
    assert (read.timeout, read.rate_limit, read.auth_required) == (61.5, RateLimit(200, 1), True)


def test_what_is_left_out_has_the_specifications_defaults() -> None:
    [read] = parse(stored(http_route("r", {"backendRefs": [{"name": "a", "port": 80}]}))).rules
    assert read.matches == (Match("/"),)
    assert read.backends[0].weight == 1
    assert (read.timeout, read.rate_limit, read.auth_required) == (None, None, False)


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (with_rule(matches=[{"path": {"type": "RegularExpression", "value": "/.*"}}]), UNSUPPORTED_VALUE),
        (with_rule(matches=[{"queryParams": [{"name": "a", "value": "b"}]}]), UNSUPPORTED_VALUE),
        (
            with_rule(matches=[{"headers": [{"name": "a", "value": "b", "type": "RegularExpression"}]}]),
            UNSUPPORTED_VALUE,
        ),
        (with_rule(filters=[{"type": "URLRewrite"}]), UNSUPPORTED_VALUE),
        (with_rule(timeouts={"request": "soon"}), UNSUPPORTED_VALUE),
        (with_rule(backendRefs=[{"name": "a", "kind": "Bucket", "group": "x.dev"}]), INVALID_KIND),
        (with_rule(backendRefs=[{"name": "a", "port": 80, "namespace": "other"}]), REF_NOT_PERMITTED),
        (with_rule(backendRefs=[{"port": 80}]), UNSUPPORTED_VALUE),
        (with_rule(backendRefs="a"), UNSUPPORTED_VALUE),
        (stored(http_route("r", rule("/", ("a", 1, 1)), rate_limit="many")), UNSUPPORTED_VALUE),
        (stored(http_route("r", rule("/", ("a", 1, 1)), auth="maybe")), UNSUPPORTED_VALUE),
        (stored(http_route("r", rule("/", ("a", 1, 1)), rate_limit_by="moon")), UNSUPPORTED_VALUE),
    ],
)
def test_what_is_not_supported_is_refused_with_a_reason(item: dict[str, Any], reason: str) -> None:
    with pytest.raises(RouteRefused) as refused:
        parse(item)
    assert refused.value.reason == reason


def test_hostnames_are_refused() -> None:
    item = with_rule()
    item["spec"]["hostnames"] = ["shop.example"]
    with pytest.raises(RouteRefused, match="hostnames"):
        parse(item)


def test_only_references_to_this_gateway_attach() -> None:
    refs: list[dict[str, Any]] = [
        {"name": "amazonlite"},
        {"name": "other"},
        {"name": "amazonlite", "kind": "Service", "group": ""},
        {"name": "amazonlite", "sectionName": "http"},
    ]
    item = {"spec": {"parentRefs": refs}}
    assert attached_parents(item, "amazonlite") == [refs[0], refs[3]]
    assert attached_parents({"spec": {}}, "amazonlite") == []
