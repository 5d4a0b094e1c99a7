"""HTTPRoute objects become routes or are refused with a Gateway API reason; each is served whole or not at all."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import msgspec

from amazonlite.gateway.domain import Backend, MalformedLimit, Match, RateLimit, Route, Rule

GROUP = "gateway.networking.k8s.io"
RATE_LIMIT = "amazonlite.dev/rate-limit"
LIMIT_BY = "amazonlite.dev/rate-limit-by"
AUTH = "amazonlite.dev/auth"

UNSUPPORTED_VALUE = "UnsupportedValue"
"""Something in the route asks for what this gateway does not do."""
INVALID_KIND = "InvalidKind"
"""A backendRef is not a Service."""
REF_NOT_PERMITTED = "RefNotPermitted"
"""A backendRef points into another namespace."""

_DURATION = re.compile(r"([0-9]{1,5})(h|ms|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


class RouteRefused(Exception):
    """The route is not served; `reason` and the message go to its status."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class _Struct(msgspec.Struct, rename="camel"):
    pass


class _ParentRef(_Struct):
    name: str
    group: str = GROUP
    kind: str = "Gateway"


class _Value(_Struct):
    name: str
    value: str
    type: str = "Exact"


class _Path(_Struct):
    type: str = "PathPrefix"
    value: str = "/"


class _Match(_Struct):
    path: _Path = msgspec.field(default_factory=_Path)
    method: str | None = None
    headers: list[_Value] = []
    query_params: list[_Value] = []


class _BackendRef(_Struct):
    name: str
    port: int = 80
    weight: int = 1
    group: str = ""
    kind: str = "Service"
    namespace: str | None = None
    filters: list[Any] = []


class _Timeouts(_Struct):
    request: str | None = None


class _Rule(_Struct):
    matches: list[_Match] = []
    backend_refs: list[_BackendRef] = []
    filters: list[Any] = []
    timeouts: _Timeouts = msgspec.field(default_factory=_Timeouts)


class _Spec(_Struct):
    parent_refs: list[_ParentRef] = []
    hostnames: list[str] = []
    rules: list[_Rule] = []


class _Meta(_Struct):
    name: str
    namespace: str
    creation_timestamp: datetime
    annotations: dict[str, str] = {}


class _HttpRoute(_Struct):
    metadata: _Meta
    spec: _Spec


def attached_parents(item: dict[str, Any], gateway: str) -> list[dict[str, Any]]:
    """The parentRefs of the route that name this gateway, as they stand in the object."""
    refs = item.get("spec", {}).get("parentRefs") or []
    return [
        ref
        for ref in refs
        if ref.get("name") == gateway and ref.get("kind", "Gateway") == "Gateway" and ref.get("group", GROUP) == GROUP
    ]


def parse(item: dict[str, Any]) -> Route:
    try:
        found = msgspec.convert(item, _HttpRoute)
    except msgspec.ValidationError as error:
        raise RouteRefused(UNSUPPORTED_VALUE, str(error)) from error
    if found.spec.hostnames:
        raise RouteRefused(UNSUPPORTED_VALUE, "hostnames are not supported: this gateway serves one host")
    annotations = found.metadata.annotations
    limit = _limit(annotations)
    by_address = _choice(annotations, LIMIT_BY, "address", "client")
    required = _choice(annotations, AUTH, "required", "optional")
    rules = tuple(
        Rule(
            route=found.metadata.name,
            matches=tuple(_match(match) for match in rule.matches or [_Match()]),
            backends=tuple(_backend(ref, found.metadata.namespace) for ref in rule.backend_refs),
            timeout=_duration(rule.timeouts.request),
            rate_limit=limit,
            limited_by_address=by_address,
            auth_required=required,
        )
        for rule in found.spec.rules
        if _has_no_filters(rule)
    )
    return Route(found.metadata.name, found.metadata.creation_timestamp, rules)


def _limit(annotations: dict[str, str]) -> RateLimit | None:
    try:
        return RateLimit.parse(annotations[RATE_LIMIT]) if RATE_LIMIT in annotations else None
    except MalformedLimit as error:
        raise RouteRefused(UNSUPPORTED_VALUE, f"{RATE_LIMIT}: {error}") from error


def _choice(annotations: dict[str, str], name: str, yes: str, no: str) -> bool:
    """Whether the annotation says `yes`; without it, `no` holds."""
    said = annotations.get(name, no)
    if said not in {yes, no}:
        raise RouteRefused(UNSUPPORTED_VALUE, f"{name} must be {yes} or {no}, found {said!r}")
    return said == yes


def _has_no_filters(rule: _Rule) -> bool:
    if rule.filters or any(ref.filters for ref in rule.backend_refs):
        raise RouteRefused(UNSUPPORTED_VALUE, "filters are not supported")
    return True


def _match(match: _Match) -> Match:
    if match.path.type not in {"Exact", "PathPrefix"} or not match.path.value.startswith("/"):
        raise RouteRefused(UNSUPPORTED_VALUE, f"path match {match.path.type} {match.path.value!r} is not supported")
    if match.query_params or any(header.type != "Exact" for header in match.headers):
        raise RouteRefused(UNSUPPORTED_VALUE, "only exact header matches are supported, and no query parameters")
    exact = match.path.type == "Exact"
    path = match.path.value if exact else match.path.value.rstrip("/") or "/"
    headers = tuple((header.name.lower().encode(), header.value.encode()) for header in match.headers)
    return Match(path, exact, match.method, headers)


def _backend(ref: _BackendRef, namespace: str) -> Backend:
    if ref.kind != "Service" or ref.group:
        raise RouteRefused(INVALID_KIND, f"backendRef {ref.name} is a {ref.kind}, not a Service")
    if ref.namespace not in {None, namespace}:
        raise RouteRefused(REF_NOT_PERMITTED, f"backendRef {ref.name} points into namespace {ref.namespace}")
    return Backend(ref.name, ref.port, ref.weight)


def _duration(text: str | None) -> float | None:
    """A Gateway API duration (GEP-2257) such as `1m30s`; `0s` means no timeout of the route's own."""
    if text is None:
        return None
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise RouteRefused(UNSUPPORTED_VALUE, f"timeouts.request {text!r} is not a duration")
    return sum(int(number) * _SECONDS[unit] for number, unit in parts) or None
