"""Every problem that a test meets is in the OpenAPI document of the operation that answered it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from amazonlite.common.http import problems
from amazonlite.common.http.client import RemoteProblem

_handler = problems._domain_error
_undocumented: set[str] = set()


async def _watched(request: Request, error: Exception) -> Response:
    route = request.scope.get("route")
    if isinstance(route, APIRoute) and _is_ours(route) and not isinstance(error, RemoteProblem):
        code = getattr(error, "code", "")
        if code not in documented(route):
            _undocumented.add(f"{sorted(route.methods or ())} {route.path}: {code}")
    return await _handler(request, error)


def _is_ours(route: APIRoute) -> bool:
    """Tests have routes of their own, which may answer anything."""
    return route.include_in_schema and route.endpoint.__module__.startswith("amazonlite.")


def documented(route: APIRoute) -> set[str]:
    general = {code for codes in problems.GENERAL.values() for code in codes}
    return general | {code for response in route.responses.values() for code in response.get(problems.CODES, ())}


problems._domain_error = _watched


@pytest.fixture(autouse=True)
def every_problem_is_documented() -> Iterator[None]:
    _undocumented.clear()
    yield
    assert not _undocumented
