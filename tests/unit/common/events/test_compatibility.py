from __future__ import annotations

import copy
from typing import Any

import pytest

from amazonlite.common.events.compatibility import transitive_violations, violations

ORDER: dict[str, Any] = {
    "type": "object",
    "required": ["id", "lines"],
    "properties": {
        "id": {"type": "string", "maxLength": 64},
        "saleId": {"type": "string"},
        "total": {"$ref": "#/$defs/money"},
        "lines": {
            "type": "array",
            "items": {"type": "object", "required": ["sku"], "properties": {"sku": {"type": "string"}}},
        },
    },
    "$defs": {"money": {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "integer"}}}},
}


def changed(*path: str, to: Any) -> dict[str, Any]:
    schema = copy.deepcopy(ORDER)
    *folders, last = path
    place = schema
    for folder in folders:
        place = place[folder]
    if to is None:
        del place[last]
    else:
        place[last] = to
    return schema


ALLOWED = {
    "an optional property more": changed("properties", "note", to={"type": "string"}),
    "an optional property less": changed("properties", "saleId", to=None),
    "another description": changed("description", to="words"),
    "an optional property more in an item": changed(
        "properties", "lines", "items", "properties", "note", to={"type": "string"}
    ),
}
FORBIDDEN = {
    "a required property more": changed("required", to=["id", "lines", "total"]),
    "a required property less": changed("required", to=["id"]),
    "another type": changed("properties", "saleId", "type", to="integer"),
    "a narrower string": changed("properties", "id", "maxLength", to=32),
    "a wider string": changed("properties", "id", "maxLength", to=128),
    "an item that needs more": changed("properties", "lines", "items", "required", to=["sku", "quantity"]),
    "another item": changed("properties", "lines", "items", to={"type": "string"}),
    "another meaning behind a reference": changed("$defs", "money", "properties", "amount", "type", to="string"),
    "a closed object": changed("additionalProperties", to=False),
}


@pytest.mark.parametrize("newer", ALLOWED.values(), ids=ALLOWED)
def test_a_revision_may(newer: dict[str, Any]) -> None:
    assert violations(ORDER, newer) == []
    assert violations(newer, ORDER) == []


@pytest.mark.parametrize("newer", FORBIDDEN.values(), ids=FORBIDDEN)
def test_a_revision_may_not(newer: dict[str, Any]) -> None:
    assert violations(ORDER, newer)
    assert violations(newer, ORDER)


def test_a_property_may_not_come_back_as_something_else() -> None:
    """Each neighbour agrees with the next; the first and the last do not."""
    without = changed("properties", "saleId", to=None)
    other = changed("properties", "saleId", "type", to="integer")
    assert violations(ORDER, without) == violations(without, other) == []
    [problem] = transitive_violations({1: ORDER, 2: without, 3: other})
    assert problem.startswith("revisions 1 and 3: data.saleId")
