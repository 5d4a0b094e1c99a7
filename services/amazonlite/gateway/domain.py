"""A request is answered by exactly one rule or by none: the Gateway API's precedence decides, not who came first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from amazonlite.common.core.errors import DomainError, NotFound, Unavailable

Headers = Sequence[tuple[bytes, bytes]]

_LIMIT = re.compile(r"^([1-9][0-9]{0,6})/(?:([1-9][0-9]{0,4}))?(s|m|h)$")
_SECONDS = {"s": 1, "m": 60, "h": 3600}


class RouteNotFound(NotFound):
    code = "route_not_found"
    title = "No route answers this request"


class NoBackend(Unavailable):
    code = "no_backend"
    title = "The route sends its traffic nowhere"


class UnsafePath(DomainError):
    code = "unsafe_path"
    status = 400
    title = "The path is not in its plain form"


class MalformedLimit(ValueError):
    """The annotation is not of the form `200/1s`; the message says what was found."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """`quota` requests in each `window` seconds, the whole quota available as a burst."""

    quota: int
    window: int

    @classmethod
    def parse(cls, text: str) -> RateLimit:
        found = _LIMIT.match(text.strip())
        if found is None:
            raise MalformedLimit(f"expected <requests>/<seconds>s such as 200/1s, found {text!r}")
        quota, count, unit = found.groups()
        return cls(int(quota), int(count or 1) * _SECONDS[unit])


@dataclass(frozen=True, slots=True)
class Backend:
    """A Service's port; `key` names it in metrics and pools."""

    host: str
    port: int
    weight: int = 1

    @property
    def key(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Match:
    """All of path, method and headers must agree; header names are lower case."""

    path: str
    exact: bool = False
    method: str | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()

    def accepts(self, path: str, method: str, headers: Headers) -> bool:
        if self.exact:
            if path != self.path:
                return False
        elif not self._under(path):
            return False
        if self.method is not None and self.method != method:
            return False
        return not self.headers or all(wanted in headers for wanted in self.headers)

    def _under(self, path: str) -> bool:
        """`/a` covers `/a` and `/a/b`, not `/ab`."""
        prefix = self.path
        return path.startswith(prefix) and (len(path) == len(prefix) or prefix[-1] == "/" or path[len(prefix)] == "/")


@dataclass(frozen=True, slots=True)
class Rule:
    """`route` is the HTTPRoute's name; a timeout of None means the gateway's own.

    A limit counts each token's subject, or each network where there is no token or `limited_by_address`.
    """

    route: str
    matches: tuple[Match, ...]
    backends: tuple[Backend, ...]
    timeout: float | None = None
    rate_limit: RateLimit | None = None
    limited_by_address: bool = False
    auth_required: bool = False

    def choose(self, draw: float) -> Backend:
        """`draw` in [0, 1) falls on a backend in proportion to its weight; a weight of 0 gets nothing."""
        if len(self.backends) == 1 and self.backends[0].weight:
            return self.backends[0]
        point = draw * sum(backend.weight for backend in self.backends)
        for backend in self.backends:
            if point < backend.weight:
                return backend
            point -= backend.weight
        raise NoBackend(f"No backend of route {self.route} has a weight above zero.", retry_after=5)


@dataclass(frozen=True, slots=True)
class Route:
    name: str
    created: datetime
    rules: tuple[Rule, ...]


class RouteTable:
    """Matches sorted once by precedence, so that the first that accepts is the one the specification asks for."""

    def __init__(self, routes: Iterable[Route] = ()) -> None:
        oldest_first = sorted(routes, key=lambda route: (route.created, route.name))
        entries = [(match, rule) for route in oldest_first for rule in route.rules for match in rule.matches]
        entries.sort(key=lambda entry: _precedence(entry[0]))  # stable: ties stay oldest route, then rule order
        self._entries = tuple(entries)

    def find(self, path: str, method: str, headers: Headers) -> Rule:
        for match, rule in self._entries:
            if match.accepts(path, method, headers):
                return rule
        raise RouteNotFound(
            f"Nothing is served at {method} {path}.", next_step="GET / lists the domains this gateway serves."
        )

    def prefixes(self) -> list[str]:
        return sorted({match.path for match, _ in self._entries})


def _precedence(match: Match) -> tuple[bool, int, bool, int]:
    """Exact first, then the longest path, then a method, then the most headers."""
    return (not match.exact, -len(match.path), match.method is None, -len(match.headers))


def refuse_unsafe(path: str, raw_path: bytes) -> None:
    """Backends must see the path that was routed: no dot or empty segments, encoded slashes or control characters."""
    if "/." in path and any(segment in {".", ".."} for segment in path.split("/")):
        raise UnsafePath("The path contains a dot segment.")
    if "//" in path or "\\" in path:
        raise UnsafePath("The path contains an empty segment or a backslash.")
    if b"%" in raw_path and (b"%2f" in raw_path.lower() or not path.isprintable()):
        raise UnsafePath("The path contains an encoded slash or a control character.")
